# Params of rules: what a result depends on, and the words that start a script.
# Takes the study and the scripts.

SAMPLE_ENV = f"../../envs/{'vllm' if STUDY.sampling.backend == 'vllm' else 'sample'}.yaml"
USES_CONDA = "conda" in map(str, workflow.deployment_settings.deployment_method)


def code(script):
    """Return a param: a digest of the code that a script uses. It reruns the rules whose code was edited.

    It is computed for the rules that have jobs, since all digests together take most of a call's start.
    """
    return lambda wildcards: digest_of(SCRIPTS / script)


def settings(block, kind=None):
    """Return a block of the study as JSON; of a dataset, only the part that this kind of block describes."""
    return block.model_dump_json(include=set((kind or type(block)).model_fields))


def unrecorded(value):
    """Return a param on which no result depends, such as the path of an interpreter.

    Snakemake does not compare params that are derived from a job's resources, so an edit of it reruns nothing.
    """
    return lambda wildcards, resources: value


# --- how scripts are started ---


def interpreter(job=None):
    """Return the Python for a kind of job: conda's, the one that `hardware.python` names, or Snakemake's own."""
    named = STUDY.hardware.python.get(job, sys.executable)
    return "python" if USES_CONDA else str(Path(named).expanduser())


def script(name):
    """Return the params `call`, the words that start a script, and `code`, the digest of its code."""
    return {"call": unrecorded([interpreter(), str(SCRIPTS / name)]), "code": code(name)}


def gpu_script(name, job, hardware, processes=1):
    """Return the same params for a script that uses GPUs, and `hardware`, the block of the study that it reads.

    On a plain machine, `on_gpus.py` gives the job GPUs to itself. `launch.py` starts several processes that work
    together. A single process starts a few seconds faster without it.
    """
    launch = [str(SCRIPTS / "launch.py"), processes] if processes > 1 else []
    words = [interpreter(job), *launch, str(SCRIPTS / name)]
    return {
        "call": lambda wildcards, resources: [interpreter(), str(SCRIPTS / "on_gpus.py"), resources.gpu, *words],
        "hardware": unrecorded(settings(hardware)),
        "code": code(name),
    }


def vllm_python():
    """Return a param: an option that names the Python with vLLM, where one is to be looked for before training."""
    asks = STUDY.sampling.backend == "vllm" and not USES_CONDA
    return unrecorded(["--vllm-python", interpreter("sample")] if asks else [])


# --- params that depend on the wildcards ---


def dataset_settings(kind):
    """Return a param: the settings of the dataset that this kind of block describes, as JSON."""
    return lambda wildcards: settings(STUDY.dataset(wildcards.dataset), kind)


def source_of(split=None):
    """Return a param: where a split of the dataset comes from; without a split, the one that the wildcards name."""

    def source(wildcards):
        dataset = STUDY.datasets[wildcards.dataset]
        name = split or wildcards.split
        return dataset.train if name == TRAIN else dataset.test[name]

    return source


def corpus_dataset(wildcards):
    """Return the dataset whose texts a model is pre-trained on."""
    return STUDY.models[wildcards.model].pretrain.corpus.dataset


def imported(wildcards):
    """Return the imported results of a pair."""
    return STUDY.imported[wildcards.model, wildcards.dataset]


def figure_epochs(wildcards):
    """Return the epochs that the authors' figure shows of imported runs, as JSON."""
    pair = wildcards.model, wildcards.dataset
    return json.dumps(STUDY.imported[pair].figure_epochs if pair in STUDY.imported else {})


def study_test_set(wildcards):
    """Return the test set that is predicted; nothing where none has labels."""
    return STUDY.predicted_test_set(wildcards.model, wildcards.dataset) or []


def folder_of_checkpoints(wildcards):
    """Return where the checkpoints of a pair lie, with {run} and {epoch} in it; nothing for imported results."""
    if (wildcards.model, wildcards.dataset) not in STUDY.pairs:
        return []
    return f"{RESULTS}/runs/{wildcards.model}/{wildcards.dataset}/{{run}}/checkpoints/epoch-{{epoch}}"


def threshold_source(wildcards):
    """Return where the p of a pair comes from."""
    return STUDY.threshold_source(wildcards.model, wildcards.dataset)


def size_of(wildcards):
    """Return the share of the training examples that a size is."""
    return STUDY.sizes[wildcards.size]


def subset_of(**known):
    """Return a param: which of the training examples a run is trained on, as JSON; some wildcards may be known."""

    def subset(wildcards):
        values = {**wildcards, **known}
        return settings(STUDY.subset_of(Run(**{name: values[name] for name in Run.model_fields})))

    return subset


def stop_of(wildcards):
    """Return the text after which an answer ends."""
    return STUDY.dataset(wildcards.dataset).stop


def epochs_of_checkpoints(wildcards):
    """Return the epochs after which a run is evaluated."""
    return STUDY.checkpoint_epochs(int(wildcards.epochs))


def perturbed_epochs(wildcards):
    """Return the epochs after which a run is sampled with perturbed prompts."""
    return STUDY.perturbed_epochs(int(wildcards.epochs))


def perturbations_of(wildcards):
    """Return the perturbations of the dataset's prompts, as JSON."""
    found = STUDY.perturbations_of(wildcards.dataset)
    return json.dumps({name: perturbation.model_dump() for name, perturbation in found.items()})


def difficulty_of_dataset(wildcards):
    """Return the column of difficulty labels, in a list; an empty list where there is none."""
    dataset = STUDY.datasets.get(STUDY.source_dataset(wildcards.dataset))
    return [dataset.difficulty] if dataset and dataset.difficulty else []


def read_from_checkpoints(predictors):
    """Return the block with only the predictors that read checkpoints, so that adding others measures nothing anew."""
    read = [name for name in predictors if predictors[name].needs in ("weights", "confidences")]
    names = tuple(name for name in read if name in STUDY.predictors.names)
    return STUDY.predictors.model_copy(update={"names": names})


def models_on(wildcards):
    """Return the models whose test accuracy on a dataset is known."""
    return [model for model, dataset in STUDY.labelled_pairs if dataset == wildcards.dataset]


def base_models_on(wildcards):
    """Return the folders of the base models that have results on a dataset; imported results have none."""
    return {model: folder_of_model(model) for model in models_on(wildcards) if model in STUDY.models}


# --- the summary ---


def commands_that_collect():
    """Return as JSON, for the pairs whose dataset says where new examples come from, the command that collects them.

    {run} stands for the name of a run. The study file is not named, since the page must not depend on where it lies.
    """
    return json.dumps(
        {
            f"{model}/{dataset}": f"snakemake --cores 2 -- {RESULTS}/runs/{model}/{dataset}/{{run}}/curated/premem.jsonl"
            for model, dataset in STUDY.pairs
            if STUDY.dataset(dataset).new_examples
        }
    )
