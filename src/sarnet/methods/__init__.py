"""Every way of registering a pair behind one protocol: this package's own, trained peers, graph cuts, elastix, ANTs."""

from sarnet.methods.ants import AntsMethod
from sarnet.methods.elastix import ElastixMethod
from sarnet.methods.gcsar import GcSarMethod
from sarnet.methods.method import Method, MethodResult
from sarnet.methods.named import build_methods
from sarnet.methods.peer_method import PeerMethod
from sarnet.methods.sarnet_method import SarnetMethod

__all__ = [
    "AntsMethod",
    "ElastixMethod",
    "GcSarMethod",
    "Method",
    "MethodResult",
    "PeerMethod",
    "SarnetMethod",
    "build_methods",
]
