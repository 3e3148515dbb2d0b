"""Builds the wheel and the source archive of the module: one file and what describes it, so that this needs nothing but Python,
no network, and no build isolation. The hooks are those of PEP 517. In the wheel the file is a package, because only a package
can say that it has types (PEP 561)."""
import base64, hashlib, io, os, re, tarfile, zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = ["backend.py", "LICENSE", "pyproject.toml", "README.md", "taskd.py"]
TIME = (2026, 1, 1, 0, 0, 0)  # the same bytes whenever they are built


def read(name):
    with open(os.path.join(HERE, name), "rb") as f:
        return f.read()


def version():
    return re.search(rb'^__version__ = "(.+)"$', read("taskd.py"), re.M)[1].decode()


def metadata():
    head = ["Metadata-Version: 2.1", "Name: taskd", f"Version: {version()}", "Summary: Makes a program a cooperative worker of taskd",
            "License: MIT", "Requires-Python: >=3.9", "Classifier: Operating System :: POSIX :: Linux", "Classifier: Typing :: Typed",
            "Description-Content-Type: text/markdown", "", ""]
    return "\n".join(head).encode() + read("README.md")


def record(name, files):
    lines = [f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
             for path, data in files.items()]
    return "\n".join([*lines, f"{name},,", ""]).encode()


def build_wheel(directory, config_settings=None, metadata_directory=None):
    info = f"taskd-{version()}.dist-info/"
    wheel = b"Wheel-Version: 1.0\nGenerator: taskd\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {"taskd/__init__.py": read("taskd.py"), "taskd/py.typed": b"", info + "METADATA": metadata(), info + "WHEEL": wheel, info + "LICENSE": read("LICENSE")}
    files[info + "RECORD"] = record(info + "RECORD", files)
    name = f"taskd-{version()}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, TIME)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return name


def build_sdist(directory, config_settings=None):
    top = f"taskd-{version()}"
    with tarfile.open(os.path.join(directory, top + ".tar.gz"), "w:gz") as archive:
        for name, data in {"PKG-INFO": metadata(), **{name: read(name) for name in SOURCES}}.items():
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return top + ".tar.gz"
