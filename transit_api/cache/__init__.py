"""The cached reads: this process's copies, Redis behind them, a breaker between."""
