"""Register medical images with a network trained on chest X-rays and adapted to each pair."""

__version__ = "0.1.0"

__all__ = ["__version__"]
