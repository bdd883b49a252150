"""Content-Encoding of request bodies, and the small part of response compression the engine can't do."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import brotli
import lz4.frame
import zstandard

from .errors import ServerError

# HTTP name: name in the engine's INTO OUTFILE ... COMPRESSION. In the order of preference: cheapest first.
ENGINE_CODECS = {"lz4": "lz4", "zstd": "zstd", "br": "br", "gzip": "gz"}


class _Brotli:
    """brotli's decompressor with the attributes of the others; a brotli body is one stream."""

    unused_data = b""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def decompress(self, data: bytes) -> bytes:
        return self._inner.process(data)

    @property
    def eof(self) -> bool:
        return self._inner.is_finished()


_DECODERS: dict[str, tuple[Callable[[], Any], int, str]] = {
    "gzip": (lambda: zlib.decompressobj(31), 354, "ZLIB_INFLATE_FAILED"),
    "deflate": (zlib.decompressobj, 354, "ZLIB_INFLATE_FAILED"),
    "zstd": (lambda: zstandard.ZstdDecompressor().decompressobj(), 561, "ZSTD_DECODER_FAILED"),
    "lz4": (lz4.frame.LZ4FrameDecompressor, 618, "LZ4_DECODER_FAILED"),
    "br": (_Brotli, 448, "BROTLI_READ_FAILED"),
}
_DECODERS["x-gzip"] = _DECODERS["gzip"]


class Decoder:
    """Decompress a body piece by piece, through every frame of it.

    clickhouse-connect sends each block as a frame of its own: stopping after the first loses rows silently.

    Raises:
        ServerError: an unknown encoding (89), data that isn't of the encoding, a body that ends inside a frame.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding in ("", "identity"):
            self._make = None
        elif self._encoding in _DECODERS:
            self._make, self._code, self._name = _DECODERS[self._encoding]
        else:
            raise ServerError(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method: {encoding}.")
        self._frame: Any = None

    def feed(self, data: bytes) -> bytes:
        """Decompressed bytes that these compressed bytes complete."""
        if self._make is None:
            return data
        out = []
        while data:
            if self._frame is None:
                self._frame = self._make()
            try:
                out.append(self._frame.decompress(data))
            except Exception as error:
                raise ServerError(self._code, self._name, f"{self._encoding} decoding failed: {error}.") from error
            if not self._frame.eof:
                break
            data, self._frame = self._frame.unused_data, None
        return b"".join(out)

    def finish(self) -> None:
        """Check that the body ended where a frame ended."""
        if self._frame is not None:
            raise ServerError(self._code, self._name, f"{self._encoding} decoding failed: the body is truncated.")


def negotiate(accept_encoding: str) -> str | None:
    """The encoding to answer with, or None for none."""
    accepted = set()
    for item in accept_encoding.lower().split(","):
        name, _, parameters = item.partition(";")
        if parameters.replace(" ", "") not in ("q=0", "q=0.0"):
            accepted.add(name.strip())
    return next((name for name in ENGINE_CODECS if name in accepted), None)


def extra_frame(encoding: str | None, data: bytes) -> bytes:
    """Data as one more frame after a finished compressed body (brotli has no such thing: nothing)."""
    match encoding:
        case None:
            return data
        case "gzip":
            compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
            return compressor.compress(data) + compressor.flush()
        case "zstd":
            return zstandard.ZstdCompressor(level=1).compress(data)
        case "lz4":
            return lz4.frame.compress(data)
    return b""
