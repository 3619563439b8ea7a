package machine

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestAMachineIDIsRenewedWhereThereIsOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "machine-id")
	if err := renewMachineID(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("one was made: %v", err)
	}
	if err := os.WriteFile(path, []byte("0123456789abcdef0123456789abcdef\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"0123456789abcdef0123456789abcdef\n": true}
	for range 3 {
		if err := renewMachineID(path); err != nil {
			t.Fatal(err)
		}
		id, _ := os.ReadFile(path)
		if !regexp.MustCompile(`^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}\n$`).Match(id) || seen[string(id)] {
			t.Errorf("got %q", id)
		}
		seen[string(id)] = true
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o444 {
		t.Errorf("its mode is %v", info.Mode())
	}
}

func TestAnIdentityIsChecked(t *testing.T) {
	clone := &Clone{Hostname: "box", RestoreID: "r"}
	for name, c := range map[string]struct {
		identity Identity
		ok       bool
	}{
		"time only":       {Identity{EpochMs: 1}, true},
		"a clone":         {Identity{EpochMs: 1, Clone: clone}, true},
		"no time":         {Identity{Clone: clone}, false},
		"no name":         {Identity{EpochMs: 1, Clone: &Clone{RestoreID: "r"}}, false},
		"no restore id":   {Identity{EpochMs: 1, Clone: &Clone{Hostname: "box"}}, false},
		"much entropy":    {Identity{EpochMs: 1, Entropy: make([]byte, 4097)}, false},
		"a long hostname": {Identity{EpochMs: 1, Clone: &Clone{Hostname: string(make([]byte, 65)), RestoreID: "r"}}, false},
	} {
		if err := c.identity.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
