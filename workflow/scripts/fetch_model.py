"""Download a model from the Hugging Face hub: configuration, safetensors weights and tokenizer, no code."""

from pathlib import Path

from huggingface_hub import snapshot_download

from premem.base import cli
from premem.base.errors import UserError
from premem.base.files import whole, write_identity


def main(hub: str, revision: str, out: Path, identity: Path) -> None:
    with whole(out) as folder:
        try:
            snapshot_download(
                hub,
                revision=revision,
                local_dir=folder,
                allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"],
            )
        except Exception as error:  # the hub raises errors of many types; the user needs to know which entry to correct
            raise UserError(
                f"models: {hub} at {revision} cannot be fetched ({type(error).__name__}: {error}); correct hub or "
                "revision, log in with `hf auth login` for a gated model, or give the path of a local copy"
            ) from error
        if not list(folder.glob("*.safetensors")):
            raise UserError(f"models: {hub} at {revision} has no safetensors weights; choose a revision with some")
    write_identity(out, identity)


if __name__ == "__main__":
    cli.run(main)
