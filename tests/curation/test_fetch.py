"""Archives fetched from a server on the loopback."""

import functools
import hashlib
import http.server
import re
import shutil
import threading

import pytest

from sarnet.curation import fetch
from sarnet.errors import DataError, InputError
from sarnet.images import read_image


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, montgomery):
    """The address of a server that has the archive, and the archive's file."""
    served = tmp_path / "served"
    served.mkdir()
    archive = shutil.make_archive(str(served / "MontgomerySet"), "zip", montgomery.parent, montgomery.name)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=served)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/MontgomerySet.zip", served / archive
        server.shutdown()
        thread.join()


def test_archive_is_fetched_unpacked_and_prepared(server, tmp_path, montgomery, prepared):
    url, file = server

    folder = fetch("montgomery", tmp_path / "get", url=url, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    _, rows = prepared("montgomery", folder)

    assert list(rows) == ["MCUCXR_0001_0"]
    assert (
        read_image(folder / "MontgomerySet/CXR_png/MCUCXR_0001_0.png").array
        == read_image(montgomery / "CXR_png/MCUCXR_0001_0.png").array
    ).all()


def test_what_is_there_needs_no_server(server, tmp_path):
    url, file = server
    first = fetch("montgomery", tmp_path / "get", url=url)
    file.unlink()

    assert fetch("montgomery", tmp_path / "get", url=url) == first


def test_another_hash_is_refused(server, tmp_path):
    url, _ = server

    with pytest.raises(DataError, match="its hash is another than sha256:0000"):
        fetch("montgomery", tmp_path / "get", url=url, sha256="0" * 64)


def test_first_fetch_without_a_known_hash_binds_the_next(server, tmp_path):
    url, file = server
    fetch("montgomery", tmp_path / "get", url=url)
    (tmp_path / "get/MontgomerySet.zip").unlink()
    file.write_bytes(file.read_bytes() + b"changed")

    with pytest.raises(DataError, match="is not what it was"):
        fetch("montgomery", tmp_path / "get", url=url)


def test_without_a_network_the_error_says_what_to_put_where(server, tmp_path):
    url, _ = server
    gone = re.sub(r":\d+/", ":9/", url)  # nothing listens there

    with pytest.raises(
        DataError, match=r"put into a folder CXR_png/MCUCXR_\*\.png .* sarnet data prepare montgomery FOLDER"
    ):
        fetch("montgomery", tmp_path / "get", url=gone)


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_page_instead_of_the_archive_is_told_and_removed(ending, server, tmp_path):
    url, file = server
    file.with_name(f"page.{ending}").write_text("<html>log in first</html>")

    with pytest.raises(DataError, match=rf"page\.{ending} is no (zip|tar) file, and was removed"):
        fetch("montgomery", tmp_path / "get", url=url.replace("MontgomerySet.zip", f"page.{ending}"))

    assert not list((tmp_path / "get").glob("page*"))


def test_answer_of_a_server_is_not_taken_for_a_missing_network(server, tmp_path):
    url, _ = server

    with pytest.raises(DataError, match=r"cannot be fetched: the server answers 404") as error:
        fetch("montgomery", tmp_path / "get", url=url.replace("Montgomery", "None"))
    assert "network" not in str(error.value)


@pytest.mark.parametrize("url", ["foo.zip", "gopher://host/foo.zip", "http:///foo.zip"])
def test_address_that_is_none_is_told(url, tmp_path):
    with pytest.raises(InputError, match=r"must be an address: https://SERVER/FILE.zip"):
        fetch("montgomery", tmp_path / "get", url=url)


def test_archive_behind_a_registration_says_so(tmp_path):
    with pytest.raises(InputError, match="adni cannot be fetched: its owners ask for a registration"):
        fetch("adni", tmp_path)


def test_importing_needs_neither_pooch_nor_requests():
    import subprocess
    import sys

    ask = "import sys, sarnet.curation, sarnet.cli.data; print({'pooch', 'requests', 'torch'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, encoding="utf-8", check=True).stdout

    assert told.strip() == "set()"
