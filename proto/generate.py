"""Generate `node/pb/` from every schema in `proto/cairn/v1/`: `python proto/generate.py [OUTPUT_DIR]`.

Pinned: grpcio-tools 1.76.0 (stubs that load on protobuf 6 and 7) and mypy-protobuf. The path mapping
`node/pb=proto/cairn/v1` makes protoc believe the schemas lie in `node/pb/`, so the imports it writes
(`from node.pb import cairn_pb2`) are right as they stand. A schema that uses another imports it as
`import "node/pb/cairn.proto";` for the same reason.

A test runs this into a temporary folder and compares it with what is committed.
"""

import sys
from importlib.metadata import version
from pathlib import Path

GENERATOR_VERSION = "1.76.0"
ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "proto" / "cairn" / "v1"
PACKAGE = '"""Generated from proto/cairn/v1 by proto/generate.py; never edited by hand."""\n'


def generate(output: Path) -> list[Path]:
    """Write the stubs and their typings under `output/node/pb` and return their paths, sorted.

    Raises:
        RuntimeError: the installed generator is not the pinned one, or refused a schema.
    """
    # Only whoever generates needs the generator.
    import grpc_tools
    from grpc_tools import protoc

    found = version("grpcio-tools")
    if found != GENERATOR_VERSION:
        raise RuntimeError(f"grpcio-tools is {found}, stubs are made with {GENERATOR_VERSION}: pip install -e .[dev]")
    package = output / "node" / "pb"
    package.mkdir(parents=True, exist_ok=True)
    sources = [f"node/pb/{path.name}" for path in sorted(SCHEMAS.glob("*.proto"))]
    plugins = Path(sys.executable).parent
    arguments = [
        "protoc",
        f"-Inode/pb={SCHEMAS}",
        f"-I{Path(grpc_tools.__file__).parent / '_proto'}",
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--python_out={output}",
        f"--grpc_python_out={output}",
        f"--mypy_out=quiet:{output}",
        f"--mypy_grpc_out=quiet:{output}",
        *sources,
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError("protoc refused the schema: see its message above")
    (package / "__init__.py").write_text(PACKAGE)
    return sorted(path for path in package.iterdir() if path.suffix in {".py", ".pyi"})


def main() -> None:
    """Generate into the folder named on the command line, by default the project itself."""
    output = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    for path in generate(output):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
