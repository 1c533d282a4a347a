"""A language model that writes new examples: a question like a given one, and several solutions that must agree."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pandas as pd

from premem.analysis.curation.variants import Variant
from premem.base.errors import UserError
from premem.config.curation import Writer
from premem.config.hardware import SamplingHardware
from premem.lm.sampling.backends import open_backend
from premem.lm.sampling.prompts import seeded_prompts
from premem.lm.tokens import context_of, encode, load_tokenizer
from premem.scoring.grading import StyleName, answer_problem, final_answer

UNFINISHED = "the model wrote no question to the end"
WITHOUT_ANSWER = "the model's solutions give no final answer"
DISAGREEING = "the model's solutions disagree"


class WriterSource:
    """Writes variants with a model through the sampling backend.

    Args:
        model: folder of the model.
        writer: prompts, agreement, sampling.
        answers: how final answers are written, gsm8k or math.
        hardware: what the machine can take; it changes only speed and memory.
        seed: used together with ``sampling.seed`` to draw a new seed for each pass over the given examples.
    """

    def __init__(self, model: Path, writer: Writer, answers: StyleName, hardware: SamplingHardware, seed: str) -> None:
        self.model, self.writer, self.answers, self.hardware = model, writer, answers, hardware
        self.tokenizer = load_tokenizer(model)
        self.random = Random(f"writer {writer.sampling.seed} {seed}")

    def variants(self, parents: pd.DataFrame) -> Sequence[Variant]:
        """Write a question for every row and ``sampling.n`` solutions of each question; every call draws new ones."""
        writer = self.writer
        asked = [
            writer.prompt.replace("{question}", question).replace("{solution}", solution)
            for question, solution in zip(parents["question"], parents["solution"], strict=True)
        ]
        questions = [texts[0] for texts in self._sample(asked, writer.stop, n=1)]
        posed = [question for question in questions if question]
        solved = self._sample(
            [writer.solve.replace("{question}", q) for q in posed], writer.solve_stop, writer.sampling.n
        )
        solutions = iter(solved)
        return [self._agreed(q, next(solutions)) if q else UNFINISHED for q in questions]

    def _agreed(self, question: str, solutions: Sequence[str | None]) -> Variant:
        """Return the question with the first solution that has the majority answer, if enough solutions agree."""
        answers = [final_answer(solution, self.answers) if solution else None for solution in solutions]
        answers = [answer if answer and not answer_problem(answer, self.answers) else None for answer in answers]
        counts = Counter(answer for answer in answers if answer is not None)
        if not counts:
            return WITHOUT_ANSWER
        answer, votes = counts.most_common(1)[0]
        if votes < self.writer.agreement * len(solutions):
            return DISAGREEING
        return {"question": question, "solution": solutions[answers.index(answer)], "answer": answer}

    def _sample(self, prompts: Sequence[str], stop: str, n: int) -> list[list[str | None]]:
        """Sample n texts for each prompt; a text that is empty or does not reach its end becomes None."""
        if not prompts:
            return []
        settings = self.writer.sampling.model_copy(update={"n": n, "seed": self.random.getrandbits(32)})
        ids = encode(self.tokenizer, prompts)
        context, longest = context_of(self.model), max(map(len, ids))
        if context is not None and longest + settings.max_new_tokens > context:
            raise UserError(
                f"new_examples.write: a prompt of {longest} tokens and {settings.max_new_tokens} more do not fit into "
                f"the context of {self.model} ({context}); shorten it or lower write.sampling.max_new_tokens"
            )
        completions = open_backend(self.model, settings, stop, self.hardware).sample(seeded_prompts(ids, settings))
        return [
            [c.text.strip() or None if c.finish_reason == "stop" else None for c in of_prompt]
            for of_prompt in completions
        ]
