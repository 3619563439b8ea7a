package exec

import (
	"io"
	"path"
	"slices"

	"github.com/moby/sys/user"
)

// noShells are what /etc/passwd names for accounts nobody logs in to.
var noShells = []string{"nologin", "false", "true", "sync"}

// shells are tried in this order where neither the account nor the environment names one that exists.
var shells = []string{"/bin/bash", "/bin/ash", "/bin/sh"}

// loginShell is the program of whoever opens a terminal without naming a command.
func loginShell(id identity, env map[string]string) (string, error) {
	candidates := slices.Concat([]string{accountShell(id), env["SHELL"]}, shells)
	for _, shell := range candidates {
		if path.IsAbs(shell) && !slices.Contains(noShells, path.Base(shell)) && executable(shell) == nil {
			return shell, nil
		}
	}
	return "", notStarted("the image has no shell: none in /etc/passwd for this user, no $SHELL, no /bin/bash, /bin/ash or /bin/sh")
}

// accountShell is what /etc/passwd says, or nothing.
func accountShell(id identity) string {
	passwd := openAccounts("/etc/passwd")
	defer passwd.Close()
	accounts, err := user.ParsePasswdFilter(io.LimitReader(passwd, accountFileLimit), func(u user.User) bool {
		return u.Uid == int(id.uid)
	})
	if err != nil || len(accounts) == 0 {
		return ""
	}
	return accounts[0].Shell
}
