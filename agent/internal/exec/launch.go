package exec

import (
	"runtime"
	"sync"
	"syscall"
	"time"

	"bandsox.dev/agent/internal/reap"
	"golang.org/x/sys/unix"
)

// timerSlack is the kernel's default, in ns; the agent's threads have more.
const timerSlack = 50_000

// starting has one command after the other opened and forked. Forks wait for one another anyway, and while one has the limit
// on open files lowered none may be opened for the next; nor do those that wait hold files that count against it.
var starting sync.Mutex

// start forks the command in a session, and so a process group, of its own.
func (l launch) start(reaper *reap.Reaper, timeout time.Duration) (*Process, error) {
	starting.Lock()
	defer starting.Unlock()
	stdio, child, err := l.openStdio()
	if err != nil {
		return nil, err
	}
	defer child.close()
	forked, err := reaper.Fork(func() (int, error) { return l.fork(child) })
	if err != nil {
		stdio.close()
		return nil, l.forkError(err)
	}
	launched := Launched{Pid: forked.Pid, Argv: l.argv, Dir: l.dir, User: l.userName}
	return &Process{Launched: launched, child: forked, stdio: stdio, timeout: timeout}, nil
}

// fork runs under the reaper's lock.
func (l launch) fork(child childFiles) (int, error) {
	defer lowerFileLimit()()
	// The command inherits this thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, timerSlack, 0, 0, 0); err != nil {
		return 0, err
	}
	return syscall.ForkExec(l.program, l.argv, &syscall.ProcAttr{
		Dir:   l.dir,
		Env:   l.env,
		Files: child.descriptors[:],
		Sys: &syscall.SysProcAttr{
			Setsid: true, Setctty: l.terminal != nil, Ctty: 0, Credential: l.user.credential(),
		},
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
