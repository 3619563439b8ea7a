package exec

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// launch is a command with everything decided.
type launch struct {
	program string
	argv    []string
	env     []string
	dir     string
	user    identity
	// userName is the user as it was asked for
	userName string
	stdin    bool
	terminal *Terminal // nil: pipes
}

func prepare(command Command, defaults Defaults) (launch, error) {
	isLogin := len(command.Argv) == 0 && command.Terminal != nil
	if !isLogin && (len(command.Argv) == 0 || command.Argv[0] == "") {
		return launch{}, notStarted("no program given")
	}
	if command.TimeoutMs < 0 {
		return launch{}, notStarted("timeoutMs is negative")
	}
	if err := command.Terminal.check(); err != nil {
		return launch{}, err
	}
	spec := command.User
	if spec == "" {
		spec = defaults.User
	}
	user, err := lookUpIdentity(spec)
	if err != nil {
		return launch{}, err
	}
	dir, err := workingDir(command.Cwd, defaults.WorkingDir)
	if err != nil {
		return launch{}, err
	}
	env := environment(command, defaults, user.home)
	l := launch{argv: command.Argv, dir: dir, user: user, userName: spec, stdin: command.Stdin, terminal: command.Terminal}
	if l.userName == "" {
		l.userName = "root"
	}
	if isLogin {
		l.program, err = loginShell(user, env)
		l.argv = []string{"-" + path.Base(l.program)}
		env["SHELL"] = l.program
	} else {
		l.program, err = findProgram(command.Argv[0], env["PATH"], dir)
	}
	l.env = flatten(env)
	return l, err
}

func environment(command Command, defaults Defaults, home string) map[string]string {
	env := map[string]string{"PATH": defaultPath, "HOME": home, "HOSTNAME": defaults.Hostname}
	maps.Copy(env, defaults.Env)
	if command.Terminal != nil {
		env["TERM"] = command.Terminal.term()
	}
	maps.Copy(env, command.Env)
	return env
}

func flatten(env map[string]string) []string {
	lines := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		lines = append(lines, name+"="+env[name])
	}
	return lines
}

// workingDir is the directory a command starts in. The image's own is created when it is missing, as Docker does; one
// that was asked for must exist.
func workingDir(asked, ofImage string) (string, error) {
	ofImage = path.Join("/", ofImage)
	dir := ofImage
	switch {
	case path.IsAbs(asked):
		dir = path.Clean(asked)
	case asked != "":
		dir = path.Join(ofImage, asked)
	}
	info, err := os.Stat(dir)
	if os.IsNotExist(err) && asked == "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", notStarted("create the working directory %s: %s", dir, reason(err))
		}
		return dir, nil
	}
	if err != nil {
		return "", notStarted("working directory %s: %s", dir, reason(err))
	}
	if !info.IsDir() {
		return "", notStarted("working directory %s: not a directory", dir)
	}
	return dir, nil
}

// findProgram looks name up as execvp would with the given PATH and directory. A program that exists but may not be
// executed is reported only if no other is found.
func findProgram(name, searchPath, dir string) (string, error) {
	if strings.Contains(name, "/") {
		candidate := name
		if !path.IsAbs(name) {
			candidate = path.Join(dir, name)
		}
		if err := executable(candidate); err != nil {
			return "", programError(name, err)
		}
		return candidate, nil
	}
	denied := false
	for _, entry := range strings.Split(searchPath, ":") {
		if !path.IsAbs(entry) {
			entry = path.Join(dir, entry)
		}
		err := executable(path.Join(entry, name))
		if err == nil {
			return path.Join(entry, name), nil
		}
		denied = denied || os.IsPermission(err)
	}
	if denied {
		return "", programError(name, syscall.EACCES)
	}
	return "", notStarted("%s: not found in the image (PATH %s)", name, searchPath)
}

func executable(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return syscall.EISDIR
	case info.Mode()&0o111 == 0:
		return syscall.EACCES
	}
	return nil
}

func programError(name string, err error) error {
	if os.IsNotExist(err) {
		return notStarted("%s: not found in the image", name)
	}
	return notStarted("%s: %s", name, reason(err))
}

// reason is the bare cause of a failed file operation: the path is in the message already.
func reason(err error) string {
	if wrapped, ok := err.(*os.PathError); ok {
		return wrapped.Err.Error()
	}
	return err.Error()
}
