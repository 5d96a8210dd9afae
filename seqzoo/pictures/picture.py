"""Pictures that are read when their pixels are needed, in the requested size and colours."""

import base64
import contextlib
import dataclasses
import io
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from seqzoo.files import UnreadableError, archive

if TYPE_CHECKING:
    from PIL import Image


ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")  # of picture files
GREY = ("1", "L", "LA", "I;16", "I;16L", "I;16B", "I", "F")  # modes of Pillow
ORIENTATION = 0x0112  # EXIF's tag


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture. Subclasses define its origin; examples of a dataset carry it in place of its pixels.

    Attributes:
        name: its name in messages and answers, such as its path.
    """

    name: str

    def opened(self) -> "contextlib.AbstractContextManager[Image.Image]":
        """Returns a context with the PIL.Image.Image.

        Raises:
            UnreadableError: it can't be read; its name is in the message.
        """
        raise NotImplementedError

    def read(self, height: int, width: int, channels: int) -> np.ndarray:
        """Its pixels, [I, W, C] in uint8, scaled to a height and a width. Transparent areas become white.

        Args:
            height: I.
            width: W; 0: in proportion to the height.
            channels: 1, grey, or 3.

        Raises:
            UnreadableError: see `opened`.
        """
        with self.opened() as picture, naming(self.name):
            picture = plain(picture, channels == 1)
            width = width or max(1, round(picture.width * height / picture.height))
            if picture.size != (width, height):
                picture = picture.resize((width, height))
            return np.asarray(picture, "uint8").reshape(height, width, channels)

    def shape(self) -> tuple[int, int, int]:
        """Its own height, width and channels, upright."""
        with self.opened() as picture, naming(self.name):
            turned = picture.getexif().get(ORIENTATION) in (5, 6, 7, 8)  # by a quarter, see `plain`
            height, width = picture.size if turned else picture.size[::-1]
            return height, width, 1 if is_grey(picture) else 3


@dataclasses.dataclass(frozen=True)
class Pixels(Picture):
    """A picture in memory.

    Attributes:
        pixels: [I, W, C] in uint8.
    """

    pixels: np.ndarray

    @contextlib.contextmanager
    def opened(self) -> "Iterator[Image.Image]":
        yield image(self.pixels)


@dataclasses.dataclass(frozen=True)
class Stored(Picture):
    """A picture in a file.

    Attributes:
        path: of the file.
    """

    path: pathlib.Path

    @contextlib.contextmanager
    def opened(self) -> "Iterator[Image.Image]":
        try:
            file = self.file()
        except (OSError, KeyError) as error:
            reason = getattr(error, "strerror", None) or "there is no such file"
            raise UnreadableError(f"{self.name}: {reason}.") from error
        with file, opened(file, self.name) as picture:
            yield picture

    def file(self) -> BinaryIO:
        """Returns the file, opened."""
        return self.path.open("rb")


@dataclasses.dataclass(frozen=True)
class Member(Stored):
    """A picture in a zip archive.

    Attributes:
        member: its name in the archive.
    """

    member: str

    def file(self) -> BinaryIO:
        return io.BytesIO(archive(self.path).read(self.member))


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Context that turns Pillow's errors about a bad picture into an UnreadableError with its name."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except UnidentifiedImageError as error:
        raise UnreadableError(f"{name}: not a readable picture: its format is unknown.") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableError(f"{name}: a damaged picture: {error}") from error


@contextlib.contextmanager
def opened(file: BinaryIO, name: str) -> "Iterator[Image.Image]":
    """Context with the PIL.Image.Image in a file.

    Raises:
        UnreadableError: it has no readable picture.
    """
    from PIL import Image

    with naming(name):
        picture = Image.open(file)
    with picture:
        if picture.mode == "F":
            raise UnreadableError(
                f"{name}: its pixels are floating-point numbers, for which white has no fixed value. Save it with 8 or "
                "16 bits."
            )
        yield picture


def is_grey(picture: "Image.Image") -> bool:
    """Returns whether a PIL.Image.Image has no colours."""
    if picture.mode == "P" or picture.format == "GIF":  # colours of a palette, which frames of a GIF do not show
        red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB")), -1, 0)
        return np.array_equal(red, green) and np.array_equal(green, blue)
    return picture.mode in GREY


def plain(picture: "Image.Image", grey: bool) -> "Image.Image":
    """Converts a PIL.Image.Image to grey or colours of 8 bits, upright, and white where it is transparent."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        picture = picture.convert("I").point(lambda value: value * (1 / 256))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("L" if grey else "RGB")


def image(pixels: np.ndarray) -> "Image.Image":
    """Returns the PIL.Image.Image of pixels [I, W, C] in uint8."""
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def data_address(pixels: np.ndarray) -> str:
    """Pixels [I, W, C] in uint8 as a data URL: ``data:image/png;base64,...``."""
    file = io.BytesIO()
    image(pixels).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def shifted(pixels: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """Shifts pixels [I, W, C] at random by a few rows and columns, repeating the border to fill the gap."""
    down, right = rng.integers(0, 2 * most + 1, 2)
    height, width, _ = pixels.shape
    wide = np.pad(pixels, ((most, most), (most, most), (0, 0)), "edge")
    return wide[down : down + height, right : right + width]
