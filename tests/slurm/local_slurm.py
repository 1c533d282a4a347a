"""A real Slurm of one node with two fake GPUs, on this machine: started and stopped by the tests."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

ETC = Path("/etc/slurm")  # daemons and the Slurm plugin's jobs look here and nowhere else
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
MARK = "# of the tests of premem\n"
TOO_LONG = 1800  # seconds

# More processors and memory than there may be (config_overrides), since the tests' jobs mostly wait.
CONFIGURATION = """\
ClusterName=premem
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
MinJobAge=3600
KillWait=2
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=6 RealMemory=32000 Gres=gpu:2 State=UNKNOWN
PartitionName=tests Nodes={host} Default=YES State=UP
"""


def missing() -> str | None:
    """Say why Slurm cannot be started here; None if it can."""
    if os.geteuid() != 0:
        return "only root can start Slurm's daemons"
    if absent := [name for name in PROGRAMS if not shutil.which(name)]:
        return f"no {', '.join(absent)}; apt-get install slurm-wlm slurm-wlm-basic-plugins munge"
    configuration = ETC / "slurm.conf"
    if configuration.exists() and not configuration.read_text().startswith(MARK):
        return f"{configuration} is there already: this machine belongs to another Slurm"
    return None


class LocalSlurm:
    """The daemons, and what the tests ask them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.host = folder, socket.gethostname().partition(".")[0]

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)  # munge refuses a socket that others cannot reach
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        ETC.mkdir(exist_ok=True)
        (ETC / "slurm.conf").write_text(MARK + CONFIGURATION.format(folder=self.folder, host=self.host))
        # Two device files that every machine has, so that Slurm counts two GPUs and hands out their numbers.
        (ETC / "gres.conf").write_text(MARK + "".join(f"Name=gpu File=/dev/{name}\n" for name in ("null", "zero")))
        files = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid"}
        files |= {"log-file": "munged.log", "seed-file": "munged.seed"}
        run("munged", "--force", *(f"--{option}={self.folder / name}" for option, name in files.items()))
        run("slurmctld", "-c")
        run("slurmd", "-N", self.host)
        self.wait_for(lambda: run("sinfo", "-h", "-o", "%T").strip() == "idle", "an idle node")

    def stop(self) -> None:
        """End all jobs and the daemons, and take their configuration away."""
        run("scancel", "--user=root", check=False)
        for name in ("slurmd", "slurmctld", "munged"):
            if (file := self.folder / f"{name}.pid").is_file():
                process = int(file.read_text())
                os.kill(process, signal.SIGTERM)
                self.wait_for(lambda process=process: not Path(f"/proc/{process}").exists(), f"{name} to end")
        for name in ("slurm.conf", "gres.conf"):
            (ETC / name).unlink()

    def wait_for(self, condition, what: str) -> None:
        """Wait until a condition holds; give up after a time that is enough for a busy machine."""
        end = time.monotonic() + TOO_LONG
        while not condition():
            if time.monotonic() > end:
                logs = "".join(file.read_text()[-1500:] for file in self.folder.glob("slurm*.log"))
                raise TimeoutError(f"waited {TOO_LONG} s for {what}\n{logs}")
            time.sleep(0.1)

    def jobs(self) -> list[dict[str, str]]:
        """All jobs that Slurm remembers, as `scontrol show job` describes them."""
        blocks = run("scontrol", "show", "job", "--oneliner").splitlines()
        return [
            dict(word.split("=", 1) for word in block.split() if "=" in word)
            for block in blocks
            if block.startswith("JobId")
        ]


def run(*command: object, check: bool = True) -> str:
    """Call a program; return what it prints."""
    return subprocess.run(list(map(str, command)), check=check, capture_output=True, text=True).stdout
