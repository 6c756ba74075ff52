"""Registering a pair: affine start, network pass, adaptation of the last layer, and the record of it all."""

from sarnet.registration.both_ways import register_images
from sarnet.registration.clock import Clock
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.files import PairFiles, PairImages, read_pair
from sarnet.registration.guides import Guides
from sarnet.registration.image_pair import ImagePair, Masks, Regions
from sarnet.registration.measure import Labels
from sarnet.registration.middle import Middle
from sarnet.registration.output import BidsNames, check_result_folder, result_folder, write_registration
from sarnet.registration.plane_fields import magnified
from sarnet.registration.record import Inputs, Record, RecordedGrid, read_record
from sarnet.registration.register import register
from sarnet.registration.result import Registration
from sarnet.registration.threads import torch_threads

__all__ = [
    "BidsNames",
    "Clock",
    "ComparedPair",
    "Guides",
    "ImagePair",
    "Inputs",
    "Labels",
    "Masks",
    "Middle",
    "PairFiles",
    "PairImages",
    "Record",
    "RecordedGrid",
    "Regions",
    "Registration",
    "check_result_folder",
    "magnified",
    "read_pair",
    "read_record",
    "register",
    "register_images",
    "result_folder",
    "torch_threads",
    "write_registration",
]
