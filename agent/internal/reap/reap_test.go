package reap

import (
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

func fork(t *testing.T, r *Reaper, argv ...string) *Child {
	t.Helper()
	child, err := r.Fork(func() (int, error) {
		return syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}})
	})
	if err != nil {
		t.Fatal(err)
	}
	return child
}

func await(t *testing.T, child *Child) syscall.WaitStatus {
	t.Helper()
	select {
	case status := <-child.Exited:
		return status
	case <-time.After(10 * time.Second):
		t.Fatal("no status was delivered")
		return 0
	}
}

func TestEveryStatusIsDeliveredToItsOwnChild(t *testing.T) {
	r := New(OwnChildren)
	var all sync.WaitGroup
	for want := range 40 {
		all.Go(func() {
			child := fork(t, r, "/bin/sh", "-c", "exit "+string(rune('0'+want%10)))
			if status := await(t, child); status.ExitStatus() != want%10 {
				t.Errorf("got %d, want %d", status.ExitStatus(), want%10)
			}
		})
	}
	all.Wait()
}

func TestOthersKeepTheirChildren(t *testing.T) {
	r := New(OwnChildren)
	child := fork(t, r, "/bin/true")
	if err := exec.Command("/bin/sh", "-c", "exit 0").Run(); err != nil {
		t.Errorf("a command of someone else: %v", err)
	}
	await(t, child)
}

func TestASignalReachesTheWholeGroupAndNothingAfterTheEnd(t *testing.T) {
	r := New(OwnChildren)
	child := fork(t, r, "/bin/sh", "-c", "sleep 60; true")
	child.SignalGroup(syscall.SIGKILL)
	if status := await(t, child); status.Signal() != syscall.SIGKILL {
		t.Errorf("ended with %v", status)
	}
	child.SignalGroup(syscall.SIGKILL)
}

func TestAFailedForkRegistersNothing(t *testing.T) {
	r := New(OwnChildren)
	if _, err := r.Fork(func() (int, error) { return 0, syscall.ENOEXEC }); err != syscall.ENOEXEC {
		t.Errorf("got %v", err)
	}
	if len(r.children) != 0 {
		t.Errorf("registered: %v", r.children)
	}
}
