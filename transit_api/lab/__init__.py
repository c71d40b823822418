"""The lab: the service with one classic defect at a time, for those who want to see it fail."""
