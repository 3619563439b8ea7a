// Package reap waits for processes: for those the agent starts, whose status it delivers, and, as PID 1, for every
// orphan of the machine.
package reap

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Scope is whose death a reaper collects.
type Scope int

const (
	// OwnChildren collects only processes started through Fork, so that it can live inside another program.
	OwnChildren Scope = iota
	// AllChildren collects whatever is handed to PID 1. Nothing else in the program may wait for a process.
	AllChildren
)

// Reaper collects dead children for as long as the program runs.
type Reaper struct {
	scope    Scope
	watch    sync.Once
	mu       sync.Mutex
	children map[int]*Child
}

// Child is a started process. Its pid cannot be used again before its status has been collected, and signals go out
// under the same lock, so they never reach a stranger.
type Child struct {
	Pid    int
	Exited <-chan syscall.WaitStatus // receives once

	reaper *Reaper
	exited chan syscall.WaitStatus
}

// New collects children from its Watch or first Fork on; before it, there are none.
func New(scope Scope) *Reaper { return &Reaper{scope: scope, children: map[int]*Child{}} }

// Watch begins to collect children, if that has not begun. The runtime makes a thread for it, which an emulated processor takes
// some milliseconds for.
func (r *Reaper) Watch() {
	r.watch.Do(func() {
		deaths := make(chan os.Signal, 1)
		signal.Notify(deaths, syscall.SIGCHLD)
		go func() {
			for range deaths {
				r.collect()
			}
		}()
	})
}

// Fork registers the process that start makes before anything can collect it.
func (r *Reaper) Fork(start func() (pid int, err error)) (*Child, error) {
	r.Watch()
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := start()
	if err != nil {
		return nil, err
	}
	exited := make(chan syscall.WaitStatus, 1)
	child := &Child{Pid: pid, Exited: exited, exited: exited, reaper: r}
	r.children[pid] = child
	return child, nil
}

// SignalGroup signals the process group the child leads; it does nothing once the child has been collected.
func (c *Child) SignalGroup(signal syscall.Signal) {
	c.reaper.mu.Lock()
	defer c.reaper.mu.Unlock()
	if c.reaper.children[c.Pid] == c {
		syscall.Kill(-c.Pid, signal)
	}
}

// SignalSession signals every process of the session the child leads, one by one; it does nothing once the child has
// been collected. A process that is being made meanwhile is missed.
func (c *Child) SignalSession(signal syscall.Signal) {
	c.reaper.mu.Lock()
	defer c.reaper.mu.Unlock()
	if c.reaper.children[c.Pid] != c {
		return
	}
	for _, pid := range sessionMembers(c.Pid) {
		syscall.Kill(pid, signal)
	}
}

// Childless tells whether no process is left to wait for, which for PID 1 means: no other process in the machine.
func (r *Reaper) Childless() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == unix.ECHILD
}

func (r *Reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.scope == AllChildren {
		for r.collectOne(-1) {
		}
		return
	}
	for pid := range r.children {
		r.collectOne(pid)
	}
}

func (r *Reaper) collectOne(which int) bool {
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(which, &status, syscall.WNOHANG, nil)
	if err == syscall.EINTR {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if child := r.children[pid]; child != nil {
		delete(r.children, pid)
		child.exited <- status
	}
	return true
}
