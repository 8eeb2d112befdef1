"""The machine interface as it is described: OpenAPI 3.1, and problems that say of what kind they are (RFC 9457)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from sync.collector.app import MACHINE_PATHS, create_app
from sync.collector.interface import PATH, document
from sync.collector.problems import Kind
from tests.sync.collector.gateside import Gate, Served, Site

DOCS = Path(__file__).parents[3] / "docs"
_UNSAID = {"HEAD", "OPTIONS"}  # Flask adds them to every GET


def described() -> dict[str, Any]:
    return json.loads(json.dumps(document()))


def test_the_description_is_valid_openapi() -> None:
    """Every reference and schema of it, by a kept validator."""
    OpenAPIV31SpecValidator(described()).validate()


def test_the_file_for_readers_is_what_is_served(served: Served) -> None:
    """Write it anew: python -m sync.collector.interface > docs/openapi.json"""
    reply = served.request("GET", PATH)
    assert reply.headers["content-type"] == "application/json"
    assert json.loads(reply.body) == json.loads((DOCS / "openapi.json").read_text(encoding="utf-8")) == described()


def test_every_machine_route_is_described_and_nothing_else(site: Site) -> None:
    """A new route without an entry fails here."""
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in create_app(site.centre).url_map.iter_rules()
        if rule.rule.startswith(MACHINE_PATHS)
        for method in (rule.methods or set()) - _UNSAID
    }
    told = {(path, method.upper()) for path, item in described()["paths"].items() for method in item}
    assert told == routes


def test_every_kind_of_problem_is_described_and_explained(served: Served) -> None:
    """`type` can be opened, and the protocol's page has a row for it."""
    page = (DOCS / "PROTOCOL.md").read_text(encoding="utf-8")
    in_responses = json.dumps(described()["paths"])
    for kind in Kind:
        explained = json.loads(served.request("GET", kind.type).body)
        assert explained == {"type": kind.type, "title": kind.title, "status": kind.status.value}
        assert f"| `{kind.code}` | {kind.status.value} |" in page
        assert json.dumps(kind.type) in in_responses or kind in {Kind.WRONG_METHOD}
    assert served.request("GET", Kind.NOT_FOUND.type + "s").status == 404


@pytest.mark.parametrize("path", ["/v1//batches", "/v1/batches/", "/v1/", "/v1/%00", "/v1/%FF", "/healthz/"])
def test_another_spelling_of_a_path_is_no_redirect(site: Site, path: str) -> None:
    """A machine is told no, not sent elsewhere; nor shown a page."""
    reply = create_app(site.centre).test_client().post(f"http://localhost{path}")
    assert (reply.status_code, reply.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_another_method_is_a_problem_that_names_the_right_one(site: Site, method: str) -> None:
    """RFC 9110 §15.5.6."""
    reply = create_app(site.centre).test_client().open("/v1/batches", method=method)
    assert (reply.status_code, reply.content_type) == (405, "application/problem+json")
    assert "POST" in reply.headers["Allow"]
    assert json.loads(reply.data)["type"] == Kind.WRONG_METHOD.type


def test_options_and_head_are_answered(served: Served) -> None:
    """RFC 9110 §9.3.2, §9.3.7: no body, and the methods."""
    assert (served.request("HEAD", "/healthz").status, served.request("HEAD", "/healthz").body) == (200, b"")
    assert (served.request("OPTIONS", "/v1/batches").status) == 200
    assert served.request("HEAD", "/v1/nothing").body == b""


def test_a_strange_host_and_strange_languages_change_nothing(served: Served, gate: Gate) -> None:
    """Headers are hostile too."""
    for headers in (
        {"Host": "["},
        {"Host": "a b"},
        {"Accept_Language": "x" * 4_000},
        {"Cookie": "session=\xff;;=="},
        {"X_Forwarded_For": "\x1b[2J"},
    ):
        assert served.request("GET", "/v1/nothing", **headers).status in (400, 404)
        assert served.request(
            "POST", "/v1/batches", gate.batch(1, []), **headers, Content_Type="application/cose"
        ).status in (200, 400)
