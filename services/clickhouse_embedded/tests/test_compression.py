"""Decoding bodies piece by piece, through every frame."""

from __future__ import annotations

import gzip
import zlib

import brotli
import lz4.frame
import pytest
import zstandard
from clickhouse_embedded.compression import EXTRA_FRAME, Decoder, negotiate
from clickhouse_embedded.errors import ServerError
from hypothesis import given, settings
from hypothesis import strategies as st

ENCODERS = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4.frame.compress,
    "br": brotli.compress,
}


@given(
    encoding=st.sampled_from(sorted(ENCODERS)),
    frames=st.lists(st.binary(max_size=3000), min_size=1, max_size=5),
    piece=st.integers(1, 700),
)
@settings(deadline=None)
def test_any_frames_in_any_pieces(encoding, frames, piece):
    if encoding == "br":
        frames = [b"".join(frames)]
    body = b"".join(map(ENCODERS[encoding], frames))
    decoder = Decoder(encoding)
    out = b"".join(decoder.feed(body[i : i + piece]) for i in range(0, len(body), piece))
    decoder.finish()
    assert out == b"".join(frames)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4", "br"])
def test_truncation_and_garbage_are_errors(encoding):
    whole = ENCODERS[encoding](bytes(range(256)) * 100)
    decoder = Decoder(encoding)
    with pytest.raises(ServerError):
        decoder.feed(whole[:-4])
        decoder.finish()
    with pytest.raises(ServerError):
        broken = Decoder(encoding)
        broken.feed(b"\xfe\xed" * 64)
        broken.finish()


def test_negotiation():
    assert negotiate("gzip, deflate, br, zstd") == "zstd"
    assert negotiate("lz4;q=0.5, gzip") == "lz4"
    assert negotiate("zstd;q=0, gzip") == "gzip"
    assert negotiate("identity") is None
    assert negotiate("") is None


@pytest.mark.parametrize(
    ("encoding", "decode"), [("gzip", gzip.decompress), ("lz4", lz4.frame.decompress), (None, bytes)]
)
def test_an_extra_frame_decodes(encoding, decode):
    assert decode(EXTRA_FRAME[encoding](b"late")) == b"late"
