"""Archives that may be fetched without asking anybody: on demand, by pooch, each known by its hash."""

import gzip
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from sarnet.curation.entry import sha256_of
from sarnet.curation.sources import SOURCES
from sarnet.errors import DataError, InputError

_SECONDS = 30
"""Without an answer for so long, a server is taken for gone."""

_NO_ARCHIVE = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)


class Archive(NamedTuple):
    """A file that holds an archive."""

    url: str
    terms: str
    """What its owners ask for, in a sentence."""
    known_hash: str | None = None
    """``md5:...`` or ``sha256:...``; where its owners publish none, that of the first fetch holds from then on."""


ARCHIVES = {
    "montgomery": Archive(
        "https://openi.nlm.nih.gov/imgs/collections/NLM-MontgomeryCXRSet.zip",
        "National Library of Medicine: acknowledge the source, cite Jaeger et al. 2014",
    ),
    "oasis": Archive(
        "https://surfer.nmr.mgh.harvard.edu/ftp/data/neurite/data/neurite-oasis.2d.v1.0.tar",
        "OASIS-1 data use agreement: acknowledge OASIS and Neurite, do not identify anybody; slices (dimension=2)",
        "md5:c9ae5864f250c7e4b8d83a104e51ae8e",
    ),
    "shenzhen": Archive(
        "https://openi.nlm.nih.gov/imgs/collections/ChinaSet_AllFiles.zip",
        "National Library of Medicine: acknowledge the source, cite Jaeger et al. 2014; the masks are published apart",
    ),
}
"""By source; every other asks for a registration or an agreement, and has to be fetched by hand."""


def fetch(source: str, folder: Path, *, url: str | None = None, sha256: str | None = None) -> Path:
    """Fetch and unpack an archive; what is there already, and whole, is not fetched again.

    Args:
        source: Name of the archive.
        folder: Where to put it: the file, and beside it ``unpacked/``.
        url: Another place to fetch it from, such as a mirror.
        sha256: Its hash; left out, the one known here, or that of the first fetch, which is noted beside the file.

    Returns:
        The folder with what was in it.

    Raises:
        InputError: If nobody may fetch this archive without asking, and no ``url`` is given; or if that is none.
        DataError: If it cannot be fetched, or is not what its hash says, or no archive.
    """
    if source not in SOURCES:
        raise InputError(f"source is {source!r}, but must be one of {', '.join(SOURCES)}")
    if url is None and source not in ARCHIVES:
        raise InputError(
            f"{source} cannot be fetched: its owners ask for a registration. Put into a folder {SOURCES[source].wanted}"
        )
    archive = ARCHIVES.get(source) if url is None else Archive(url, "")
    assert archive is not None
    address = archive.url
    name = address.rpartition("/")[2].partition("?")[0] or source
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror}; choose another folder to fetch into") from error
    noted = folder / f"{name}.sha256"
    known = f"sha256:{sha256}" if sha256 else archive.known_hash
    if known is None and noted.is_file():
        known = f"sha256:{noted.read_text(encoding='utf-8').split()[0]}"
    _retrieve(source, address, name, folder, known)
    if not noted.is_file():
        noted.write_text(f"{sha256_of(folder / name)}  {name}\n", encoding="utf-8")
    return folder / "unpacked"


def _retrieve(source: str, url: str, name: str, folder: Path, known_hash: str | None) -> None:
    import pooch  # noqa: PLC0415  only who fetches needs it
    import requests  # noqa: PLC0415

    unpack = pooch.Untar if name.removesuffix(".gz").endswith((".tar", ".tgz")) else pooch.Unzip
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(
            url,
            known_hash,
            fname=name,
            path=folder,
            processor=unpack(extract_dir="unpacked"),
            downloader=pooch.HTTPDownloader(timeout=_SECONDS),
        )
    except (
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        requests.exceptions.InvalidURL,
    ) as error:
        raise InputError(f"url is {url!r}, but must be an address: https://SERVER/FILE.zip, or .tar.gz") from error
    except requests.HTTPError as error:
        answer = error.response
        if answer is not None:
            answer.close()  # pooch leaves it open
        told = "an error" if answer is None else answer.status_code
        raise DataError(f"{url} cannot be fetched: the server answers {told}; correct it, or give a --url") from error
    except requests.RequestException as error:
        raise DataError(
            f"{url} cannot be fetched ({type(error).__name__}): without a network, put into a folder "
            f"{SOURCES[source].wanted}, and run: sarnet data prepare {source} FOLDER"
        ) from error
    except ValueError as error:  # pooch's word for another hash; it has removed the file
        raise DataError(
            f"{url} is not what it was: its hash is another than {known_hash}; fetch it by hand and compare"
        ) from error
    except _NO_ARCHIVE as error:
        (folder / name).unlink(missing_ok=True)  # else it would be taken for fetched
        raise DataError(
            f"{folder / name} is no {'tar' if unpack is pooch.Untar else 'zip'} file, and was removed: {url} gave "
            "something else, a page perhaps; correct it, or fetch the archive by hand"
        ) from error
    except OSError as error:
        raise DataError(f"{folder / name} cannot be written or unpacked: {error}") from error
