package exec

import (
	"os"
	"syscall"
	"time"

	"bandsox.dev/agent/internal/reap"
	"golang.org/x/sys/unix"
)

// start forks the command with stdin from /dev/null and a session, and so a process group, of its own.
func (l launch) start(reaper *reap.Reaper, timeout time.Duration) (*Process, error) {
	null, err := os.Open("/dev/null")
	if err != nil {
		return nil, err
	}
	defer null.Close()
	stdout, childStdout, err := openOutput(KindStdout)
	if err != nil {
		return nil, err
	}
	defer unix.Close(childStdout)
	stderr, childStderr, err := openOutput(KindStderr)
	if err != nil {
		stdout.close()
		return nil, err
	}
	defer unix.Close(childStderr)
	child, err := reaper.Fork(func() (int, error) {
		return l.fork([]uintptr{null.Fd(), uintptr(childStdout), uintptr(childStderr)})
	})
	if err != nil {
		stdout.close()
		stderr.close()
		return nil, l.forkError(err)
	}
	return &Process{child: child, stdout: stdout, stderr: stderr, timeout: timeout}, nil
}

// fork runs under the reaper's lock.
func (l launch) fork(files []uintptr) (int, error) {
	defer lowerFileLimit()()
	return syscall.ForkExec(l.program, l.argv, &syscall.ProcAttr{
		Dir:   l.dir,
		Env:   l.env,
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true, Credential: l.user.credential()},
	})
}

// forkError names what was wrong; ForkExec reports only a number for several steps.
func (l launch) forkError(err error) error {
	name := l.argv[0]
	switch err {
	case syscall.ENOENT:
		return notStarted("%s: its interpreter or loader is not found in the image", name)
	case syscall.ENOEXEC:
		return notStarted("%s: exec format error", name)
	case syscall.EACCES:
		return notStarted("%s: permission denied (program or working directory %s)", name, l.dir)
	case syscall.EINVAL:
		return notStarted("%s: an argument or variable contains a zero byte", name)
	case syscall.EPERM:
		return notStarted("%s: not permitted to become uid %d gid %d", name, l.user.uid, l.user.gid)
	}
	return notStarted("%s: %s", name, err)
}
