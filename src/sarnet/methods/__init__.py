"""Every way of registering a pair behind one protocol: this package's own, elastix and ANTs."""

from sarnet.methods.ants import AntsMethod
from sarnet.methods.elastix import ElastixMethod
from sarnet.methods.method import Method, MethodResult
from sarnet.methods.named import build_methods
from sarnet.methods.sarnet_method import SarnetMethod

__all__ = [
    "AntsMethod",
    "ElastixMethod",
    "Method",
    "MethodResult",
    "SarnetMethod",
    "build_methods",
]
