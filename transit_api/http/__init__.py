"""What every request passes through: contracts, validation, answers, the document."""
