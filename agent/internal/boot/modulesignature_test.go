package boot

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestKernelsThatTakeSignedModulesOnly(t *testing.T) {
	for err, want := range map[error]bool{unix.EKEYREJECTED: true, unix.ENOKEY: true, unix.EPERM: true, unix.ENOEXEC: false,
		unix.ENOENT: false, nil: false} {
		if got := wantsSignature(err); got != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
}

func TestAModuleIsAllBeforeItsSignature(t *testing.T) {
	const magic = "~Module signature appended~\n"
	info := func(length string) string { return "\x00\x00\x02\x00\x00\x00\x00\x00" + length }
	for name, c := range map[string]struct{ file, module string }{
		"signed":                   {"module" + "signature" + info("\x00\x00\x00\x09") + magic, "module"},
		"not signed":               {"module", "module"},
		"empty":                    {"", ""},
		"nothing but the magic":    {magic, magic},
		"longer than the file":     {"module" + info("\x00\x00\x00\x07") + magic, "module" + info("\x00\x00\x00\x07") + magic},
		"as long as the file":      {"module" + info("\x00\x00\x00\x06") + magic, ""},
		"a length that is absurd":  {"module" + info("\xff\xff\xff\xff") + magic, "module" + info("\xff\xff\xff\xff") + magic},
		"the magic in the middle":  {"mod" + magic + "ule", "mod" + magic + "ule"},
		"an info that is cut":      {"12345678901" + magic, "12345678901" + magic},
		"the signature of nothing": {strings.Repeat("s", 9) + info("\x00\x00\x00\x09") + magic, ""},
	} {
		if got := string(withoutSignature([]byte(c.file))); got != c.module {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
