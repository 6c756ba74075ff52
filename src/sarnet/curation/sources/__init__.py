"""What archives look like, one file a source: from a folder to the images in it, whose they are and what is missing."""

from sarnet.curation.sources.named import SOURCES

__all__ = ["SOURCES"]
