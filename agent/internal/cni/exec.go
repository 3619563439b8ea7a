package cni

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/types"
)

const (
	// pipesLimit is how long somebody a plugin has started may hold its output after it has ended.
	pipesLimit = 2 * time.Second
	// saidLimit bounds what is told of a plugin's error output, in bytes.
	saidLimit = 2000
)

// groupExec runs a plugin in a process group of its own: when its time is over, the plugins that it has started end, too,
// and one that leaves a process behind with its output open holds nobody up.
type groupExec struct{ *invoke.DefaultExec }

// ExecPlugin runs a plugin and returns what it prints.
func (*groupExec) ExecPlugin(ctx context.Context, path string, stdin []byte, environ []string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	plugin := exec.CommandContext(ctx, path)
	plugin.Env, plugin.Stdin, plugin.Stdout, plugin.Stderr = environ, bytes.NewReader(stdin), &stdout, &stderr
	plugin.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	plugin.Cancel = func() error { return syscall.Kill(-plugin.Process.Pid, syscall.SIGKILL) }
	plugin.WaitDelay = pipesLimit
	err := plugin.Run()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) && plugin.ProcessState.Success() {
		return stdout.Bytes(), nil
	}
	return nil, pluginError(path, err, stdout.Bytes(), stderr.String())
}

// pluginError is what a plugin says of its failure, on its output or, where it says nothing there, beside it.
func pluginError(path string, err error, stdout []byte, stderr string) error {
	var told types.Error
	if json.Unmarshal(stdout, &told) == nil && told.Msg != "" {
		return &told
	}
	said := strings.TrimSpace(stderr)
	if len(said) > saidLimit {
		said = said[len(said)-saidLimit:]
	}
	if said == "" {
		said = strings.TrimSpace(string(stdout[:min(len(stdout), saidLimit)]))
	}
	return fmt.Errorf("%s: %w: %s", path, err, said)
}
