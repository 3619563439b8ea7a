package cni

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// plugin writes down each call, and answers as the case says.
const plugin = `#!/bin/sh
dir=$(dirname "$0")
echo "${0##*/} $CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME netns=$CNI_NETNS" >>"$dir/calls"
cat >"$dir/input-${0##*/}-$CNI_COMMAND"
case $CNI_COMMAND in
%s
esac
`

const result = `{"cniVersion":"1.0.0","interfaces":[{"name":"veth0"},{"name":"out0","sandbox":"/run/netns/x"}],
"ips":[{"address":"10.1.0.1/24","interface":0},{"address":"10.1.0.7/24","interface":1},{"address":"fd00::7/64","interface":1}]}`

const adds = "ADD) echo '" + result + "' ;;"

func world(t *testing.T, scripts map[string]string) (Attachment, func() []string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(fmt.Sprintf(plugin, script)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := `{"cniVersion":"1.0.0","name":"lab","plugins":[{"type":"wire"},{"type":"ports","capabilities":{"portMappings":true}}]}`
	attachment := Attachment{
		Config: []byte(config), ContainerID: "one", Netns: filepath.Join(dir, "netns"), IfName: "out0",
		BinDirs: []string{dir}, CacheDir: filepath.Join(dir, "cache"),
	}
	calls := func() []string {
		text, _ := os.ReadFile(filepath.Join(dir, "calls"))
		os.Remove(filepath.Join(dir, "calls"))
		var all []string
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			name, rest, _ := strings.Cut(line, " ")
			command, _, _ := strings.Cut(rest, " ")
			all = append(all, name+" "+command)
		}
		return all
	}
	return attachment, calls
}

func cached(t *testing.T, a Attachment) int {
	t.Helper()
	entries, _ := os.ReadDir(filepath.Join(a.CacheDir, "results"))
	return len(entries)
}

func TestAnAttachmentIsAddedCheckedAndDeletedInReverse(t *testing.T) {
	a, calls := world(t, map[string]string{"wire": adds, "ports": adds})
	a.Ports = []PortMapping{{HostPort: 8080, ContainerPort: 80, Protocol: "tcp"}}
	addresses, err := Add(a)
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.1.0.7/24"), netip.MustParsePrefix("fd00::7/64")}
	if !reflect.DeepEqual(addresses, want) {
		t.Errorf("addresses are %v", addresses)
	}
	if found := calls(); !reflect.DeepEqual(found, []string{"wire ADD", "ports ADD", "wire CHECK", "ports CHECK"}) {
		t.Errorf("calls were %v", found)
	}
	input, _ := os.ReadFile(filepath.Join(a.BinDirs[0], "input-ports-ADD"))
	for _, part := range []string{`"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]`, `"prevResult"`} {
		if !strings.Contains(string(input), part) {
			t.Errorf("the second plugin was not told %s: %s", part, input)
		}
	}
	if cached(t, a) != 1 {
		t.Error("the result is not cached")
	}
	if err := Delete(a); err != nil {
		t.Fatal(err)
	}
	if found := calls(); !reflect.DeepEqual(found, []string{"ports DEL", "wire DEL"}) {
		t.Errorf("calls were %v", found)
	}
	input, _ = os.ReadFile(filepath.Join(a.BinDirs[0], "input-wire-DEL"))
	if !strings.Contains(string(input), "10.1.0.7") {
		t.Errorf("DEL was not told the result: %s", input)
	}
	if cached(t, a) != 0 {
		t.Error("the result is cached still")
	}
	if err := Delete(a); err != nil {
		t.Errorf("DEL is not idempotent: %v", err)
	}
}

func TestWhatFailsIsDeleted(t *testing.T) {
	fails := `echo '{"cniVersion":"1.0.0","code":100,"msg":"no luck"}'; exit 1 ;;`
	without := "ADD) echo '{\"cniVersion\":\"1.0.0\",\"ips\":[]}' ;;"
	for name, scripts := range map[string]map[string]string{
		"ADD: ":           {"wire": adds, "ports": "ADD) " + fails},
		"CHECK: ":         {"wire": adds, "ports": adds + "CHECK) " + fails},
		"no IPv4 address": {"wire": adds, "ports": without},
	} {
		a, calls := world(t, scripts)
		_, err := Add(a)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the failure is %v, and says nothing of %s", err, name)
		}
		found := calls()
		if len(found) < 2 || !reflect.DeepEqual(found[len(found)-2:], []string{"ports DEL", "wire DEL"}) {
			t.Errorf("calls were %v", found)
		}
		if cached(t, a) != 0 {
			t.Error("a result is cached")
		}
	}
}

func TestAWrongFindingOfPortmapIsPassedOver(t *testing.T) {
	finding := `CHECK) echo '{"code":100,"msg":"could not check ipv6 dnat: chain X not found"}'; exit 1 ;;`
	only4 := "ADD) echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.7/24\"}]}' ;;"
	a, _ := world(t, map[string]string{"wire": only4, "ports": only4 + finding})
	if _, err := Add(a); err != nil {
		t.Error(err)
	}
	a, _ = world(t, map[string]string{"wire": adds, "ports": adds + finding})
	if _, err := Add(a); err == nil {
		t.Error("it is passed over where there is an address of IPv6")
	}
}

func TestDelSaysWhichPluginFailed(t *testing.T) {
	a, _ := world(t, map[string]string{"wire": adds})
	if err := Delete(a); err == nil || !strings.Contains(err.Error(), "ports") {
		t.Errorf("the failure is %v", err)
	}
}

func TestAnAttachmentIsWorkedOnByOneAtATime(t *testing.T) {
	a := Attachment{ContainerID: "one", CacheDir: t.TempDir()}
	first, err := a.Lock()
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *Turn)
	go func() {
		second, err := a.Lock()
		if err != nil {
			t.Error(err)
		}
		got <- second
	}()
	select {
	case <-got:
		t.Fatal("both have a turn")
	case <-time.After(50 * time.Millisecond):
	}
	if err := first.End(); err != nil {
		t.Fatal(err)
	}
	if err := (<-got).End(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(a.CacheDir, "locks")); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}
