"""Content-Encoding of request bodies, and the small part of response compression the engine can't do."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import lz4.frame
import zstandard

from .errors import ServerError

# HTTP name: name in the engine's INTO OUTFILE ... COMPRESSION. In the order of preference: cheapest first.
ENGINE_CODECS = {"lz4": "lz4", "zstd": "zstd", "br": "br", "gzip": "gz"}
# One more frame after a finished compressed body; brotli has no such thing.
EXTRA_FRAME: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes, "gzip": gzip.compress, "zstd": zstandard.compress, "lz4": lz4.frame.compress, "br": lambda data: b"",
}  # fmt: skip


class _Brotli:
    """brotli's decompressor with the attributes of the others; a brotli body is one stream."""

    unused_data = b""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self.decompress = self._inner.process

    @property
    def eof(self) -> bool:
        return self._inner.is_finished()


_GZIP = (lambda: zlib.decompressobj(31), 354, "ZLIB_INFLATE_FAILED")
_DECODERS: dict[str, tuple[Callable[[], Any], int, str]] = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": (zlib.decompressobj, 354, "ZLIB_INFLATE_FAILED"),
    "zstd": (lambda: zstandard.ZstdDecompressor().decompressobj(), 561, "ZSTD_DECODER_FAILED"),
    "lz4": (lz4.frame.LZ4FrameDecompressor, 618, "LZ4_DECODER_FAILED"),
    "br": (_Brotli, 448, "BROTLI_READ_FAILED"),
}


class Decoder:
    """Decompress a body piece by piece, through every frame of it.

    clickhouse-connect sends each block as a frame of its own: stopping after the first loses rows silently.

    Raises:
        ServerError: an unknown encoding (89), data that isn't of the encoding, a body that ends inside a frame.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        self._plain = self._encoding in ("", "identity")
        if not self._plain and self._encoding not in _DECODERS:
            raise ServerError(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method: {encoding}.")
        self._frame: Any = None

    def feed(self, data: bytes) -> bytes:
        """Decompressed bytes that these compressed bytes complete."""
        if self._plain:
            return data
        out = []
        while data:
            if self._frame is None:
                self._frame = _DECODERS[self._encoding][0]()
            try:
                out.append(self._frame.decompress(data))
            except Exception as error:
                raise self._failure(f"{error}") from error
            if not self._frame.eof:
                break
            data, self._frame = self._frame.unused_data, None
        return b"".join(out)

    def finish(self) -> None:
        """Check that the body ended where a frame ended."""
        if self._frame is not None:
            raise self._failure("the body is truncated")

    def _failure(self, reason: str) -> ServerError:
        return ServerError(*_DECODERS[self._encoding][1:], f"{self._encoding} decoding failed: {reason}.")


def negotiate(accept_encoding: str) -> str | None:
    """The encoding to answer with, or None for none."""
    items = (item.partition(";") for item in accept_encoding.lower().split(","))
    accepted = {name.strip() for name, _, quality in items if quality.replace(" ", "") not in ("q=0", "q=0.0")}
    return next((name for name in ENGINE_CODECS if name in accepted), None)
