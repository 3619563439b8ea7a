package main

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// listFlag is a flag that may be given many times.
type listFlag []string

func (l *listFlag) String() string { return strings.Join(*l, " ") }

func (l *listFlag) Set(text string) error {
	*l = append(*l, text)
	return nil
}

// jsonListFlag is a flag whose value is a JSON array of strings.
type jsonListFlag []string

func (l *jsonListFlag) String() string { return strings.Join(*l, " ") }

func (l *jsonListFlag) Set(text string) error { return json.Unmarshal([]byte(text), (*[]string)(l)) }

// digestFlag is a flag whose value is `sha256:` and 64 hex digits.
type digestFlag struct{ v1.Hash }

func (d *digestFlag) Set(text string) error {
	hash, err := v1.NewHash(text)
	d.Hash = hash
	return err
}

// parseFlags parses a subcommand's flags; those named must be given.
func parseFlags(flags *flag.FlagSet, args []string, required ...string) error {
	flags.SetOutput(os.Stderr)
	if err := flags.Parse(args); err != nil {
		return usage("%s: %s", flags.Name(), err)
	}
	given := []string{}
	flags.Visit(func(f *flag.Flag) { given = append(given, f.Name) })
	for _, name := range required {
		if !slices.Contains(given, name) {
			return usage("%s: --%s is missing", flags.Name(), name)
		}
	}
	return nil
}
