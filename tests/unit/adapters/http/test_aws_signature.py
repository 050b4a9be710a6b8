"""Signatures of requests to S3 stores."""

from __future__ import annotations

from datetime import UTC, datetime

from wikistate.adapters.http.aws_signature import AccessKey, encode_path, encode_query, sign_request
from wikistate.secret import Secret

# The key and the time of the examples in the Amazon S3 API reference, "Authenticating Requests".
KEY = AccessKey(Secret("AKIAIOSFODNN7EXAMPLE"), Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), Secret(""))
TIME = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"


def test_signature_is_that_of_the_published_example() -> None:
    """The example "Get Bucket (List Objects)" of the reference."""
    query = encode_query({"prefix": "J", "max-keys": "2"})
    headers = sign_request(HOST, "/", query, key=KEY, region="us-east-1", at=TIME)
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


def test_token_of_a_session_is_signed() -> None:
    """Its header is among the signed ones."""
    key = KEY._replace(token=Secret("session"))
    headers = sign_request(HOST, "/", "", key=key, region="us-east-1", at=TIME)
    assert headers["x-amz-security-token"] == "session"
    assert "x-amz-date;x-amz-security-token," in headers["Authorization"]


def test_path_and_query_are_escaped_as_they_are_signed() -> None:
    """Slashes of a path stay, those of a value do not; parameters are in order."""
    assert encode_path("/bucket/a b/ö+~") == "/bucket/a%20b/%C3%B6%2B~"
    assert encode_query({"prefix": "a/b c", "delimiter": "/"}) == "delimiter=%2F&prefix=a%2Fb%20c"


def test_key_is_not_shown() -> None:
    """Neither of its parts."""
    assert "EXAMPLE" not in repr(KEY)
