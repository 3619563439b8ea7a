package cni

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func scripted(t *testing.T, script string) string {
	path := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPluginThatLeavesAProcessBehindHoldsNobodyUp(t *testing.T) {
	path := scripted(t, "sleep 60 &\necho \"$! done\"\n")
	began := time.Now()
	said, err := (&groupExec{}).ExecPlugin(context.Background(), path, nil, os.Environ())
	pid, _ := strconv.Atoi(strings.Fields(string(said) + " 0")[0])
	defer syscall.Kill(pid, syscall.SIGKILL)
	if err != nil || !strings.HasSuffix(string(said), "done\n") {
		t.Fatalf("%q, %v", said, err)
	}
	if time.Since(began) > 30*time.Second {
		t.Fatal("it waited for the process that was left")
	}
}

func TestPluginWhoseTimeIsOverEndsWithWhatItStarted(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pid")
	path := scripted(t, "sleep 60 &\necho $! >"+pids+"\nwait\n")
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		_, err := (&groupExec{}).ExecPlugin(ctx, path, nil, os.Environ())
		failed <- err
	}()
	child := 0
	for deadline := time.Now().Add(10 * time.Second); child == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(pids)
		child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	cancel()
	if err := <-failed; err == nil {
		t.Fatal("it did not fail")
	}
	for deadline := time.Now().Add(10 * time.Second); runs(child); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			syscall.Kill(child, syscall.SIGKILL)
			t.Fatal("what it started still runs")
		}
	}
}

// runs reports whether a process is there and no zombie: in a container nobody may reap it.
func runs(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestPluginsOwnWordsAreTold(t *testing.T) {
	path := scripted(t, `echo '{"code":7,"msg":"no address left"}'; exit 1`)
	_, err := (&groupExec{}).ExecPlugin(context.Background(), path, nil, os.Environ())
	if err == nil || !strings.Contains(err.Error(), "no address left") {
		t.Fatal(err)
	}
	path = scripted(t, "echo it broke >&2; exit 1")
	_, err = (&groupExec{}).ExecPlugin(context.Background(), path, nil, os.Environ())
	if err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Fatal(err)
	}
}
