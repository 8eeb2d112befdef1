"""The machine interface described: one OpenAPI 3.1 document, made from the code's own limits, kinds and types.

It is served at /v1/openapi.json; docs/openapi.json is the same, for whoever has no centre at hand. What OpenAPI cannot
say – what a batch holds under its signature and seal – stands in docs/PROTOCOL.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from itertools import groupby
from typing import Any

import msgspec
from flask import Blueprint, Response

from sync.collector import problems
from sync.collector.fleet import enrolment_api, metrics, rolling_api
from sync.collector.intake import api
from sync.collector.intake.pages import LiveAnswer
from sync.collector.problems import Kind, Problem
from sync.wire.batch import Batch
from sync.wire.enrolment import Request, Verdict
from sync.wire.receipt import Receipt
from sync.wire.rolling import Roll

PATH = "/v1/openapi.json"
_COMPONENTS = "#/components/schemas/"
_ANYWHERE = (Kind.BAD_REQUEST, Kind.LONG_HEADERS, Kind.OUR_FAULT)


def blueprint() -> Blueprint:
    """The document, and what each kind of problem is (its `type` leads here)."""
    interface = Blueprint("interface", __name__)
    described = msgspec.json.encode(document())
    kinds = {kind.code: msgspec.json.encode(_explained(kind)) for kind in Kind}

    @interface.get(PATH)
    def openapi() -> Response:
        return Response(described, content_type="application/json")

    @interface.get(f"{problems.PATH}<code>")
    def problem(code: str) -> Response:
        if code not in kinds:
            raise Problem(Kind.NOT_FOUND, "there is no such kind of problem")
        return Response(kinds[code], content_type="application/json")

    return interface


def document() -> dict[str, Any]:
    """The description, ready for JSON."""
    (live, *_), schemas = msgspec.json.schema_components(
        (LiveAnswer, Batch, Receipt, Request, Verdict, Roll), ref_template=f"{_COMPONENTS}{{name}}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Venue Gate: the centre's machine interface",
            "version": version("venue-gate"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "What gates and supervisors ask of the centre. A batch and its receipt are signed, and a "
            "batch is sealed; what stands inside is `Batch` and `Receipt` below, its making in docs/PROTOCOL.md. "
            "Whatever is refused is answered with a problem document (RFC 9457).",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": "gates"}, {"name": "supervision"}, {"name": "description"}],
        "paths": _paths(live),
        "components": {
            "schemas": {
                **schemas,
                "Problem": _PROBLEM,
                "Answer": _ANSWER,
                "EnrolmentAnswer": _ENROLMENT_ANSWER,
            }
        },
    }


def _paths(live: dict[str, Any]) -> dict[str, Any]:
    binary = {"type": "string", "format": "binary"}
    text = {"schema": {"type": "string"}}
    return {
        "/v1/batches": {
            "post": {
                "operationId": "sendBatch",
                "tags": ["gates"],
                "summary": "Send a range of records; the answer comes after they are stored",
                "description": "The same batch may come any number of times. Only the signed receipt of a 200 "
                "acknowledges; whatever else comes, the gate keeps its records and sends them again.",
                "requestBody": {
                    "required": True,
                    "description": f"COSE_Sign1 of a sealed batch, at most {api.MAX_BODY_BYTES} bytes, its length said",
                    "content": {api.CONTENT_TYPE: {"schema": binary | {"maxLength": api.MAX_BODY_BYTES}}},
                },
                "responses": {
                    "200": _answered("Stored, or known before", {api.ANSWER_TYPE: {"schema": _ref("Answer")}}),
                    **_refused(
                        Kind.NOT_A_MESSAGE,
                        Kind.MALFORMED_BATCH,
                        Kind.UNKNOWN_GATE,
                        Kind.BAD_SIGNATURE,
                        Kind.OTHER_GATE,
                        Kind.OUTBOX_TAKEN,
                        Kind.NO_LENGTH,
                        Kind.TOO_LARGE,
                        Kind.WRONG_MEDIA_TYPE,
                        Kind.UNAVAILABLE,
                    ),
                },
            }
        },
        enrolment_api.PATH: {
            "post": {
                "operationId": "enrol",
                "tags": ["gates"],
                "summary": "A new device asks to become a gate, again and again until IT has compared the key words",
                "description": "The request is signed by the key that it brings and carries the token of an enrolment "
                "code. The same device may ask any number of times; another one with the same code is refused.",
                "requestBody": {
                    "required": True,
                    "description": f"COSE_Sign1 of `Request`, at most {enrolment_api.MAX_BODY_BYTES} bytes, "
                    "its length said",
                    "content": {api.CONTENT_TYPE: {"schema": binary | {"maxLength": enrolment_api.MAX_BODY_BYTES}}},
                },
                "responses": {
                    "200": _answered(
                        "Signed: it waits, or it is enrolled", {api.ANSWER_TYPE: {"schema": _ref("EnrolmentAnswer")}}
                    ),
                    **_refused(
                        Kind.NOT_A_MESSAGE,
                        Kind.BAD_SIGNATURE,
                        Kind.UNKNOWN_CODE,
                        Kind.CODE_OVER,
                        Kind.CODE_USED,
                        Kind.DEVICE_TAKEN,
                        Kind.NO_LENGTH,
                        Kind.TOO_LARGE,
                        Kind.WRONG_MEDIA_TYPE,
                        Kind.TOO_MANY,
                        Kind.UNAVAILABLE,
                    ),
                },
            }
        },
        rolling_api.PATH: {
            "post": {
                "operationId": "rollKey",
                "tags": ["gates"],
                "summary": "A gate rolls its device key; both are taken until its first batch under the new one",
                "description": "Signed by the key in use, with a proof by the key that comes. It may come any number "
                "of times.",
                "requestBody": {
                    "required": True,
                    "description": f"COSE_Sign1 of `Roll`, at most {rolling_api.MAX_BODY_BYTES} bytes, its length said",
                    "content": {api.CONTENT_TYPE: {"schema": binary | {"maxLength": rolling_api.MAX_BODY_BYTES}}},
                },
                "responses": {
                    "200": _answered(
                        "Signed: the new key is taken", {api.ANSWER_TYPE: {"schema": _ref("EnrolmentAnswer")}}
                    ),
                    **_refused(
                        Kind.NOT_A_MESSAGE,
                        Kind.BAD_SIGNATURE,
                        Kind.UNKNOWN_GATE,
                        Kind.DEVICE_TAKEN,
                        Kind.NO_LENGTH,
                        Kind.TOO_LARGE,
                        Kind.WRONG_MEDIA_TYPE,
                        Kind.UNAVAILABLE,
                    ),
                },
            }
        },
        "/healthz": _get("health", "supervision", "Whether the process answers", {"text/plain": text}),
        "/readyz": _get(
            "readiness", "supervision", "Whether it can take records in", {"text/plain": text}, Kind.UNAVAILABLE
        ),
        "/live": _get(
            "live",
            "supervision",
            "The live page's counts, gates and newest records, for a browser that is signed in",
            {"application/json": {"schema": live}},
            Kind.SIGNED_OUT,
            Kind.NO_PERMISSION,
            Kind.NOT_LOCAL,
            Kind.UNAVAILABLE,
        ),
        metrics.PATH: _get(
            "metrics",
            "supervision",
            "Gates and intake as Prometheus metrics; on the collector's own machine, or with metrics_token",
            {"text/plain": text},
            Kind.NO_TOKEN,
            Kind.NOT_LOCAL,
        ),
        PATH: _get("openapi", "description", "This document", {"application/json": {"schema": {"type": "object"}}}),
        f"{problems.PATH}{{code}}": _get(
            "problemKind",
            "description",
            "What a kind of problem is: where `type` of a problem document leads",
            {"application/json": {"schema": _EXPLAINED}},
            Kind.NOT_FOUND,
            parameters=[
                {
                    "name": "code",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[a-z-]+$"},
                    "examples": {kind.code: {"value": kind.code} for kind in Kind},
                }
            ],
        ),
    }


def _get(
    operation: str, tag: str, summary: str, content: dict[str, Any], *kinds: Kind, **more: Any
) -> dict[str, dict[str, Any]]:
    return {
        "get": {
            "operationId": operation,
            "tags": [tag],
            "summary": summary,
            **more,
            "responses": {"200": _answered("It is as said", content), **_refused(*kinds)},
        }
    }


def _answered(description: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": content}


def _refused(*kinds: Kind) -> dict[str, Any]:
    """A response for each status, naming the kinds that it may be."""
    ordered = sorted({*kinds, *_ANYWHERE}, key=lambda kind: (kind.status, kind.code))
    return {
        str(status.value): _problem(status, list(group))
        for status, group in groupby(ordered, key=lambda kind: kind.status)
    }


def _problem(status: HTTPStatus, kinds: list[Kind]) -> dict[str, Any]:
    narrowed = {
        "allOf": [_ref("Problem")],
        "properties": {"type": {"enum": [kind.type for kind in kinds]}, "status": {"const": status.value}},
    }
    answer = _answered("; ".join(kind.title for kind in kinds), {problems.CONTENT_TYPE: {"schema": narrowed}})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        answer["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "string"}}}
    return answer


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"{_COMPONENTS}{name}"}


def _members(kinds: Iterable[Kind]) -> dict[str, Any]:
    return {
        "type": {"type": "string", "format": "uri-reference", "enum": [kind.type for kind in kinds]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
    }


def _explained(kind: Kind) -> dict[str, Any]:
    return {"type": kind.type, "title": kind.title, "status": kind.status.value}


_EXPLAINED = {"type": "object", "required": ["type", "title", "status"], "properties": _members(Kind)}
_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457. detail: one sentence for the one who sent it.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {**_members(Kind), "detail": {"type": "string"}},
}
_ANSWER = {
    "title": "Answer",
    "description": "A CBOR map: `receipt`, a COSE_Sign1 of `Receipt`; `updates`, null or newer files by name.",
    "type": "string",
    "format": "binary",
}
_ENROLMENT_ANSWER = {
    "title": "EnrolmentAnswer",
    "description": "A CBOR map: `keys`, the key list signed by the root; `verdict`, a COSE_Sign1 of `Verdict`; "
    "`updates`, null or all files by name.",
    "type": "string",
    "format": "binary",
}

if __name__ == "__main__":
    print(msgspec.json.format(msgspec.json.encode(document()), indent=2).decode())  # noqa: T201 - for docs/openapi.json
