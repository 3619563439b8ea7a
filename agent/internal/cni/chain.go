// Package cni attaches network namespaces to networks of this host by running the plugin chains that its administrator
// has configured, as the specification of the Container Network Interface says.
package cni

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/invoke"
	"golang.org/x/sys/unix"
)

// chainLimit bounds one run of a whole chain: a plugin may wait for somebody who never answers.
const chainLimit = 60 * time.Second

// Attachment is one interface in one namespace.
type Attachment struct {
	// Config is the network's configuration list, whole: what was added by it is deleted by it, whatever became of the file
	Config      json.RawMessage `json:"config"`
	ContainerID string          `json:"containerId"`
	Netns       string          `json:"netns"`  // path of the namespace
	IfName      string          `json:"ifName"` // the interface to make in it
	Ports       []PortMapping   `json:"ports"`  // for plugins with the capability portMappings
	BinDirs     []string        `json:"binDirs"`
	CacheDir    string          `json:"cacheDir"` // results of what is attached
}

// PortMapping is one value of the capability portMappings.
type PortMapping struct {
	HostPort      int    `json:"hostPort"`
	ContainerPort int    `json:"containerPort"`
	Protocol      string `json:"protocol"`
	HostIP        string `json:"hostIP,omitempty"`
}

// Add runs the chain's ADD and then its CHECK; when either fails, what was made is deleted.
func Add(a Attachment) ([]netip.Prefix, error) {
	c, err := a.chain()
	if err != nil {
		return nil, err
	}
	addresses, err := c.add(a)
	if err != nil {
		return nil, errors.Join(err, c.delete())
	}
	return addresses, nil
}

// Delete runs the chain's DEL. Idempotent, also where ADD never ran, or the namespace is gone.
func Delete(a Attachment) error {
	c, err := a.chain()
	if err != nil {
		return err
	}
	if !isNamespace(a.Netns) {
		c.runtime.NetNS = "" // what the specification has for one that is gone
	}
	return c.delete()
}

type chain struct {
	plugins *libcni.CNIConfig
	list    *libcni.NetworkConfigList
	runtime *libcni.RuntimeConf
}

func (a Attachment) chain() (*chain, error) {
	list, err := libcni.ConfListFromBytes(a.Config)
	if err != nil {
		return nil, err
	}
	runtime := &libcni.RuntimeConf{ContainerID: a.ContainerID, NetNS: a.Netns, IfName: a.IfName}
	if len(a.Ports) > 0 {
		runtime.CapabilityArgs = map[string]any{"portMappings": a.Ports}
	}
	exec := &groupExec{&invoke.DefaultExec{RawExec: &invoke.RawExec{Stderr: os.Stderr}}}
	return &chain{libcni.NewCNIConfigWithCacheDir(a.BinDirs, a.CacheDir, exec), list, runtime}, nil
}

func (c *chain) add(a Attachment) ([]netip.Prefix, error) {
	ctx, cancel := context.WithTimeout(context.Background(), chainLimit)
	defer cancel()
	result, err := c.plugins.AddNetworkList(ctx, c.list, c.runtime)
	if err != nil {
		return nil, fmt.Errorf("ADD: %w", err)
	}
	addresses, err := addressesOf(result, a.IfName)
	if err != nil {
		return nil, err
	}
	if err := c.plugins.CheckNetworkList(ctx, c.list, c.runtime); isTelling(err, addresses) {
		return nil, fmt.Errorf("CHECK: %w", err)
	}
	return addresses, nil
}

// isTelling reports whether a failure of CHECK says something of the attachment.
func isTelling(err error, addresses []netip.Prefix) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, libcni.ErrorCheckNotSupp): // chains of versions before 0.4.0
		return false
	// portmap 1.1, which Debian 12 has, looks for rules of IPv6 also where there is no such address.
	case len(addresses) == 1 && strings.Contains(err.Error(), "could not check ipv6 dnat"):
		return false
	}
	return true
}

func (c *chain) delete() error {
	ctx, cancel := context.WithTimeout(context.Background(), chainLimit)
	defer cancel()
	if err := c.plugins.DelNetworkList(ctx, c.list, c.runtime); err != nil {
		return fmt.Errorf("DEL: %w", err)
	}
	return nil
}

// isNamespace reports whether a path names a namespace, and not only a file that did before the host restarted.
func isNamespace(path string) bool {
	var found unix.Statfs_t
	return unix.Statfs(path, &found) == nil && found.Type == unix.NSFS_MAGIC
}
