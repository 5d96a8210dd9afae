import pytest

from seqzoo.music import synthesizer

# Programs that write the magic bytes of a WAV file and their own arguments to the output file.
FLUIDSYNTH = 'for path do [ "$option" = -F ] && break; option=$path; done; echo RIFF "$@" > "$path"'
TIMIDITY = 'for path do :; done; echo RIFF "$@" > "$path"'


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with no synthesizer; call it with a name and a shell script to install a program."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("SOUNDFONT", raising=False)
    monkeypatch.setattr(synthesizer, "SOUNDFONT_FOLDERS", (str(tmp_path / "none"), str(tmp_path / "fonts")))

    def install(name, script):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
        return str(programs / name)

    return install


@pytest.fixture
def soundfont(tmp_path):
    (tmp_path / "fonts").mkdir()
    for name in ("a.txt", "b.sf3", "c.sf2"):
        (tmp_path / "fonts" / name).touch()
    return str(tmp_path / "fonts/b.sf3")


@pytest.fixture
def song(tmp_path):
    (tmp_path / "song.mid").touch()
    return tmp_path / "song.mid"


def test_fluidsynth_needs_a_soundfont_and_timidity_is_the_second_choice(machine, tmp_path, monkeypatch):
    assert synthesizer.find() is None
    fluidsynth = machine("fluidsynth", FLUIDSYNTH)
    assert synthesizer.find() is None
    timidity = machine("timidity", TIMIDITY)
    assert synthesizer.find() == (timidity, None)
    (tmp_path / "my.sf2").touch()
    monkeypatch.setenv("SOUNDFONT", str(tmp_path / "my.sf2"))
    assert synthesizer.find() == (fluidsynth, str(tmp_path / "my.sf2"))
    monkeypatch.setenv("SOUNDFONT", "missing.sf2")
    with pytest.raises(ValueError, match="SOUNDFONT=missing.sf2"):
        synthesizer.find()


def test_fluidsynth_renders_with_the_first_soundfont(machine, soundfont, song, tmp_path):
    machine("fluidsynth", FLUIDSYNTH)
    synthesizer.render(song, tmp_path / "song.wav")
    *_, option, made, font, midi = (tmp_path / "song.wav").read_text().split()
    assert (option, font, midi) == ("-F", soundfont, str(song)) and made != str(tmp_path / "song.wav")


def test_timidity_renders_a_path_that_looks_like_an_option(machine, song, tmp_path, monkeypatch):
    machine("timidity", TIMIDITY)
    monkeypatch.chdir(tmp_path)
    song.rename("-x.mid")
    synthesizer.render("-x.mid", "-x.wav")
    assert (tmp_path / "-x.wav").read_text().startswith(f"RIFF {tmp_path}/-x.mid -Ow -o ")


def test_without_a_synthesizer_the_error_says_how_to_get_one(machine, song, tmp_path):
    with pytest.raises(ValueError, match="apt install fluidsynth .*brew install fluid-synth") as caught:
        synthesizer.render(song, tmp_path / "song.wav")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ("echo no such drum >&2; exit 3", ValueError, "song.mid: .*timidity wrote no WAV .*status 3.*no such drum"),
        ("echo bad file", ValueError, "exit status 0.*bad file"),
        ('for path do :; done; printf "\\0\\0" > "$path"', ValueError, "Output: none"),
        ('for path do :; done; echo half > "$path"; exec /bin/sleep 60', TimeoutError, "song.mid: .* in 0.5 seconds"),
    ],
)
def test_a_failure_names_the_file_and_keeps_the_previous_audio(machine, song, tmp_path, script, error, message):
    machine("timidity", script)
    (tmp_path / "song.wav").write_text("before")
    with pytest.raises(error, match=message):
        synthesizer.render(song, tmp_path / "song.wav", timeout=0.5 if error is TimeoutError else 60)
    assert (tmp_path / "song.wav").read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "song.mid", "song.wav"}


def test_a_missing_midi_file_is_named(machine, tmp_path):
    machine("timidity", TIMIDITY)
    with pytest.raises(FileNotFoundError, match="missing.mid"):
        synthesizer.render(tmp_path / "missing.mid", tmp_path / "missing.wav")
