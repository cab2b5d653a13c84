// Command cluster is a Kubernetes cluster for tests, in one program.
//
// The first argument chooses what a process of it is: `up` holds a cluster together and starts the
// program again for each of its parts. So a cluster is ordinary processes with a log file each, and
// nothing has to be installed for its control plane.
package main

import (
	"fmt"
	"os"
)

// subcommands are what the first argument may be, beside the names of Kubernetes' own programs.
var subcommands = map[string]func(arguments []string) error{
	"up":         up,
	"down":       down,
	"start":      controlled("start"),
	"stop":       controlled("stop"),
	"restart":    controlled("restart"),
	"image":      buildImage,
	"load-image": loadImage,
	"check-node": checkNode,
	"etcd":       runEtcd,
	"node":       runNode,
}

const usage = `A Kubernetes cluster for tests, in one program.

  cluster up [flags]                       start one, hold it until Ctrl-C; "cluster up --help" tells more
  cluster down [--dir DIR]                 end the one in DIR, clean what killed ones left
  cluster stop|start|restart PART --dir DIR
                                           one part alone, for example kube-apiserver
  cluster image --name NAME --out FILE [SOURCE:DESTINATION...] [-- ENTRYPOINT...]
                                           an image of programs, without a registry
  cluster load-image FILE --dir DIR        import an image
  cluster check-node                       say what the node tier lacks here
  cluster kubectl ...                      kubectl, of the cluster's own version
`

func main() {
	// Nothing in here is to be reached through a proxy, which would not know the way.
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		os.Unsetenv(name)
	}
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	name := os.Args[1]
	if run, found := programs[name]; found {
		// What the program reads of os.Args must look as if it had been started by its own name.
		os.Args = os.Args[1:]
		os.Exit(run())
	}
	run, found := subcommands[name]
	if !found {
		fmt.Fprint(os.Stderr, usage)
		if name == "help" || name == "--help" || name == "-h" {
			return
		}
		os.Exit(2)
	}
	if err := run(os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "cluster %s: %v\n", name, err)
		os.Exit(1)
	}
}
