package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// options are what `cluster up` is told.
type options struct {
	directory          string
	name               string
	issuer             string
	signingKey         string
	node               bool
	apiServerArguments repeated
	featureGates       repeated
	untilStdinEnds     bool
}

// repeated is a flag that may be given several times.
type repeated []string

func (r *repeated) String() string { return strings.Join(*r, " ") }

func (r *repeated) Set(value string) error {
	*r = append(*r, value)
	return nil
}

const upUsage = `Starts a cluster, prints the path of its kubeconfig and "ready", holds it until it is told to end:
by Ctrl-C, SIGTERM or "cluster down". Whatever ends this program, even SIGKILL, ends all its parts.

  cluster up
  cluster up --dir /tmp/one --issuer https://issuer.example --feature-gate ClusterTrustBundle=true
  sudo cluster up --node

Flags:
`

func parseOptions(arguments []string) (options, error) {
	var parsed options
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), upUsage)
		flags.PrintDefaults()
	}
	flags.StringVar(&parsed.directory, "dir", "", "where its files are; logs stay there (default: a new directory, removed at the end)")
	flags.StringVar(&parsed.name, "name", "test", "its name, and that of its node")
	flags.StringVar(&parsed.issuer, "issuer", "", "issuer of service account tokens (default: the API server's URL)")
	flags.StringVar(&parsed.signingKey, "signing-key", "", "PEM file with the private key that signs service account tokens (default: a new RSA key)")
	flags.BoolVar(&parsed.node, "node", false, "with a node that runs pods; needs root, containerd and runc")
	flags.Var(&parsed.apiServerArguments, "apiserver-arg", "a further argument of kube-apiserver, such as --audit-policy-file=FILE; may be repeated")
	flags.Var(&parsed.featureGates, "feature-gate", "NAME=true or NAME=false, for every part; may be repeated")
	flags.BoolVar(&parsed.untilStdinEnds, "until-stdin-ends", false, "end also when standard input is closed, as the death of a test does")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(0)
		}
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("`%s` is not understood: everything is a flag, see `cluster up --help`", flags.Arg(0))
	}
	// It becomes the name of a node, which is a DNS label.
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`).MatchString(parsed.name) {
		return options{}, fmt.Errorf("the name `%s` cannot be used: take lower-case letters, digits and `-`", parsed.name)
	}
	for _, gate := range parsed.featureGates {
		if !regexp.MustCompile(`^\w+=(true|false)$`).MatchString(gate) {
			return options{}, fmt.Errorf("the feature gate `%s` is not understood: write NAME=true or NAME=false", gate)
		}
	}
	return parsed, nil
}

// splitGate splits NAME=true.
func splitGate(gate string) (string, bool) {
	name, value, _ := strings.Cut(gate, "=")
	return name, value == "true"
}
