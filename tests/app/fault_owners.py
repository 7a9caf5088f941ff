"""Two jobs that want one output folder, folders that are moved away under a job, files of other runs, and file systems that
cannot do what most can. For fault_injection.py."""
import shutil
import signal
import time

from fault_cases import Case, all_but_results, reference_of
from fault_runs import BAD_INPUT, BRIEF, DONE, IO_FAILED, SOLO, Watch, alive, copy_of, demand, run, run_well, start
from flatsweep_runs import PCA_ALONE, differences, finish, messages

# A run of some seconds with many checkpoints, and another of the same shape.
ONE = SOLO | PCA_ALONE | dict(grid__seed=[1, 2], data__train_limit=300, window__opens_at_epoch=150, run__checkpoint_epochs=5,
                              flatness__enabled=True)
OTHER = ONE | dict(train__batch_size=25)

# What a file system may say that cannot do something; none of it loses data. 524 is the kernel's own "not supported". HDF5 cuts and
# closes results.h5 itself and takes no error there: truncate is left out, and close is interrupted at our own files only.
INTERRUPTED = ("EINTR",)
NOT_SUPPORTED = ("ENOSYS", "EINVAL", "EOPNOTSUPP", "524")
HARMLESS = {
    "fallocate": INTERRUPTED + NOT_SUPPORTED + ("EPERM", "EBADF"), "syncfolder": INTERRUPTED + NOT_SUPPORTED + ("EBADF", "EPERM"),
    "fsync": INTERRUPTED + NOT_SUPPORTED, "renamefolder": INTERRUPTED + ("EXDEV", "EPERM", "EIO"),
    "rename": INTERRUPTED + ("EXDEV", "EPERM", "ENOSYS"), "close": INTERRUPTED,
    "open": INTERRUPTED, "write": INTERRUPTED, "flock": INTERRUPTED + NOT_SUPPORTED + ("ENOLCK", "EIO", "EBADF")}


def harmless_errors(folder, fault, kinds=None, ranks=0):
    """Every such call fails; an interrupted one, three times in a row at some place. The run ends well, with equal results."""
    keys = BRIEF["landscape"]
    reference = reference_of(folder, "brief-landscape", **keys)
    output, cases = folder / "harmless", []
    for call, error in kinds or [(call, error) for call, errors in HARMLESS.items() for error in errors]:
        shutil.rmtree(output, ignore_errors=True)
        count = 3 if error == "EINTR" else None
        done = run(output, ranks, fault.environment(output, error, 1, count, call=call), **keys)
        demand(done.returncode == DONE, call, error, "code", done.returncode, done.stderr)
        Watch(output, reference).end()
        said = [line for line in messages(done) if "files cannot be locked here" in line]
        demand(bool(said) == (call == "flock" and error != "EINTR"), call, error, "said:", done.stderr)
        cases.append(Case("landscape", call, error, done.returncode))
    return cases


def no_blocks(folder, fault):
    """Of a file system that says that it has no blocks nobody knows that it is full."""
    keys = BRIEF["landscape"]
    reference, output = reference_of(folder, "brief-landscape", **keys), folder / "no-blocks"
    shutil.rmtree(output, ignore_errors=True)
    done = run(output, environment=fault.environment(output, no_blocks=1), **keys)
    demand(done.returncode == DONE, done.stderr)
    Watch(output, reference).end()
    return [Case("landscape", "statvfs", "no blocks", done.returncode)]


def begin(output, ranks=0, environment=None, wanted="work/*/checkpoint.h5", **keys):
    """A job that has come as far as that."""
    shutil.rmtree(output, ignore_errors=True)
    process = start(output, ranks, environment, **keys)
    end = time.monotonic() + 120
    while not list(output.glob(wanted)):
        demand(process.poll() is None, "the job ended before it was asked to", process.returncode)
        demand(time.monotonic() < end, "the job does not begin")
        time.sleep(0.002)
    return process


def hold(process):
    """Stops the clock of a job that was started without mpirun."""
    process.send_signal(signal.SIGSTOP)


def moved_folder(folder, ranks=0):
    """The folder of a job is moved away, and a job of another configuration begins in a new one of the same name. The first
    ends and says why; nothing of it is in the results of the second. Each goes on where its folder is."""
    first, second = (reference_of(folder, f"moved-reference-{i}", **keys) for i, keys in enumerate((ONE, OTHER)))
    output, away = folder / "moved", folder / "moved-away"
    shutil.rmtree(away, ignore_errors=True)
    job = begin(output, ranks, **ONE)
    output.rename(away)
    other = run(output, ranks, **OTHER)
    done = finish(job)
    demand(done.returncode == IO_FAILED, "the job whose folder was moved ends with", done.returncode, done.stderr)
    demand(str(output) in done.stderr and "moved" in done.stderr and "--resume" in done.stderr, done.stderr)
    demand(other.returncode == DONE, other.stderr)
    Watch(output, second).end()
    run_well(away, **ONE)
    Watch(away, first).end()
    return [Case("landscape", "folder moved", f"{ranks} ranks", done.returncode)]


def removed_folder(folder):
    """Nothing is made again where a folder was removed under its job."""
    output = folder / "removed"
    job = begin(output, **ONE)
    output.rename(folder / "removed-away")
    done = finish(job)
    shutil.rmtree(folder / "removed-away")
    demand(done.returncode == IO_FAILED and "no longer here" in done.stderr, done.returncode, done.stderr)
    demand(not output.exists(), "the folder is there again")
    return [Case("landscape", "folder removed", "training", done.returncode)]


def second_job(folder, fault, how, keys=ONE):
    """While a job is at work, its lock is removed, or locks do not work for anybody: another job is refused, whatever it wants."""
    reference = reference_of(folder, "moved-reference-0", **ONE)
    output = folder / "owned"
    error = how if how != "lock removed" else None
    environment = fault.environment(output, error, call="flock") if error else None
    job = begin(output, environment=environment, **ONE)
    hold(job)
    if not error:
        (output / "lock").unlink()
    for mode in ("--resume", "--overwrite"):
        refused = run(output, environment=environment, mode=mode, **keys)
        demand(refused.returncode == BAD_INPUT, "a second job ends with", refused.returncode, refused.stderr)
        demand(f"another job (process {job.pid} on " in refused.stderr, refused.stderr)
    job.send_signal(signal.SIGCONT)
    done = finish(job)
    demand(done.returncode == DONE, "the owner ends with", done.returncode, done.stderr)
    Watch(output, reference).end()
    return [Case("landscape", "second job", how, refused.returncode)]


def both_guards_removed(folder):
    """The second job has the folder then; the first ends before it gives a file its name."""
    reference = reference_of(folder, "moved-reference-0", **ONE)
    output = folder / "unguarded"
    job = begin(output, **ONE)
    hold(job)
    for name in ("lock", "owner"):
        (output / name).unlink()
    taken = begin_again(output, **ONE)
    job.send_signal(signal.SIGCONT)
    done, second = finish(job), finish(taken)
    demand(done.returncode == IO_FAILED and "another job (process" in done.stderr, done.returncode, done.stderr)
    demand(second.returncode == DONE, second.stderr)
    Watch(output, reference).end()
    return [Case("landscape", "second job", "lock and owner removed", done.returncode)]


def begin_again(output, **keys):
    process = start(output, **keys)
    while process.poll() is None and not (output / "owner").exists():
        time.sleep(0.002)
    return process


def owner_of_a_dead_job(folder, fault):
    """A job that was killed leaves its file; the next one takes the folder at once, with locks or without."""
    reference = reference_of(folder, "moved-reference-0", **ONE)
    output, cases = folder / "orphaned", []
    for error in (None, "ENOLCK"):
        environment = fault.environment(output, error, call="flock") if error else None
        job = begin(output, environment=environment, **ONE)
        job.kill()
        finish(job)
        demand((output / "owner").exists() and not alive(job.pid), "killed, but no file owner")
        began = time.monotonic()
        done = run(output, environment=environment, **ONE)
        demand(done.returncode == DONE, done.stderr)
        demand("looking for" not in done.stdout, "waited for a dead process", time.monotonic() - began)
        Watch(output, reference).end()
        cases.append(Case("landscape", "owner of a killed job", error or "with locks", done.returncode))
    return cases


def foreign_files(folder, fault, names=None):
    """Files of a run of another configuration, copied to their own place in this one: each is made again, with a warning."""
    keys, others = BRIEF["landscape"], BRIEF["landscape"] | dict(train__batch_size=25)
    reference = reference_of(folder, "brief-landscape", **keys)
    mine = all_but_results(folder, fault, "foreign-mine", **keys)
    theirs = all_but_results(folder, fault, "foreign-theirs", **others)
    cases = []
    for name in names or ("000000", "000001/training.h5", "000001/done.h5", "000000/pca-fc2.h5", "000000/flatness-fc2.h5", "cross",
                          "data.h5"):
        output = copy_of(mine, "foreign")
        source, target = theirs / "work" / name, output / "work" / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        done = run(output, **keys)
        demand(done.returncode == DONE, name, done.returncode, done.stderr)
        demand("another run" in done.stderr or "another configuration" in done.stderr, name, "taken without a word:", done.stderr)
        demand(not differences(reference, output / "results.h5"), name, "SILENTLY WRONG", differences(reference, output / "results.h5"))
        cases.append(Case("landscape", "another run's file", name, done.returncode))
    return cases


def links_in_place(folder):
    """Links under names that a run writes to: what they point to stays as it is."""
    keys = BRIEF["landscape"]
    reference, output, precious = reference_of(folder, "brief-landscape", **keys), folder / "linked", folder / "precious"
    precious.write_text("do not touch")
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    for name in ("results.h5.partial", "config.toml.partial", "config.toml", "owner"):
        (output / name).symlink_to(precious)
    done = run(output, **keys)
    demand(done.returncode == DONE, done.returncode, done.stderr)
    Watch(output, reference).end()
    (output / "lock").unlink()
    (output / "lock").symlink_to(precious)
    refused = run(output, **keys)
    demand(refused.returncode == BAD_INPUT and str(output / "lock") in refused.stderr, refused.returncode, refused.stderr)
    demand(precious.read_text() == "do not touch", "a link was written through")
    return [Case("landscape", "link", "temporary names, lock", done.returncode)]
