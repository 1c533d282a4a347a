"""Where an answer ends: at its stop text, or at the tokenizer's end token.

What counts is the text that the tokens write together. A stop text may lie across several tokens, begin or end within
one, or have a character whose bytes are spread over several.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNFINISHED = "\ufffd"
"""What a tokenizer writes for bytes that make no character, such as the first ones of a character."""
BYTES_OF_A_CHARACTER = 4
"""The most that UTF-8 has; a token stands for one byte at least."""


class StopText:
    """Finds where answers end, and writes them.

    Args:
        tokenizer: of the model that answers.
        stop: the text that ends an answer.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", stop: str) -> None:
        self.tokenizer, self.stop = tokenizer, stop
        self.end_ids = {tokenizer.eos_token_id} - {None}
        # A stop text begins at most this many tokens before the answer's end, and one of them may only begin within.
        self.longest = len(stop.encode()) + 1

    def may_end(self) -> list[bool]:
        """Return for every token id whether an answer can end with it; only after such a token is a look worthwhile."""
        ids = sorted({*self.tokenizer.get_vocab().values()})
        # Written after another token: of a text by itself, some tokenizers drop the first blank.
        before = self.tokenizer("a", add_special_tokens=False)["input_ids"][-1:]
        length = len(self._write(before))
        texts = self.tokenizer.batch_decode([[*before, i] for i in ids])
        may_end = [False] * (ids[-1] + 1)
        for i, text in zip(ids, texts, strict=True):
            may_end[i] = i in self.end_ids or self._could_end(text[length:])
        return may_end

    def _could_end(self, text: str) -> bool:
        """Can the stop text be complete once a token with this text is written?"""
        if UNFINISHED in text and not self.stop.isascii():
            return True
        overlaps = range(1, min(len(text), len(self.stop)) + 1)
        return self.stop in text or any(self.stop.endswith(text[:k]) for k in overlaps)

    def has_stopped(self, prompt: Sequence[int], ids: Sequence[int]) -> bool:
        """Has an answer ended with its last token?

        Args:
            prompt: token ids of the prompt.
            ids: token ids of the answer.
        """
        if ids[-1] in self.end_ids:
            return True
        if len(ids) <= self.longest:
            return self.stop in self._write_after(prompt, ids)
        # Tokens in the middle of an answer may begin within a character, which spoils what is written of it, and with
        # some tokenizers of those that follow; one that is whole begins a few tokens earlier.
        last = len(ids) - self.longest - 1
        for begin in range(last, max(-1, last - BYTES_OF_A_CHARACTER), -1):
            text = self._write(ids[begin:])
            if self.stop in text:
                return True
            if UNFINISHED not in text:
                break
        return False

    def answer(self, prompt: Sequence[int], ids: Sequence[int], stopped: bool) -> str:
        """Return the text of an answer, without its stop text and without special tokens.

        Args:
            prompt: token ids of the prompt.
            ids: token ids of the answer.
            stopped: whether it ended, rather than being cut at the limit of tokens.
        """
        if stopped and ids[-1] in self.end_ids:
            ids = ids[:-1]
            stopped = False
        text = self._write(ids, skip_special_tokens=True)
        before, found, _ = text.partition(self.stop)
        if found or not stopped:
            return before
        # Read by itself the answer lacks the stop text: a special token, or one whose first blank is not written.
        for begin in range(len(ids) - 1, -1, -1):
            ending = self._write_after([*prompt, *ids[:begin]], ids[begin:])
            if self.stop in ending:
                rest = ending.partition(self.stop)[0]
                return self._write(ids[:begin], skip_special_tokens=True) + rest
        return text

    def _write_after(self, prompt: Sequence[int], ids: Sequence[int]) -> str:
        """Write tokens as what follows on a prompt: of a text by itself, some tokenizers drop the first blank."""
        before: list[int] = []
        start = ""
        for k in range(1, BYTES_OF_A_CHARACTER + 1):
            before = list(prompt[-k:])
            start = self._write(before)
            if UNFINISHED not in start:
                break
        return self._write([*before, *ids])[len(start) :]

    def _write(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))
