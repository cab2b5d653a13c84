package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// down ends the cluster in a directory, waits until it has gone, and cleans what killed ones left.
func down(arguments []string) error {
	flags := flag.NewFlagSet("down", flag.ContinueOnError)
	path := flags.String("dir", "", "the cluster's directory; without it, only what killed clusters left is cleaned")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("`%s` is not understood: say `cluster down --dir DIR`", flags.Arg(0))
	}
	if *path != "" {
		if err := endIn(*path); err != nil {
			return err
		}
	}
	return sweep()
}

// endIn ends what runs in the directory and removes what is left in it, except the logs.
func endIn(path string) error {
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// Without an answer it was killed, is starting or is ending; the lock tells when it has gone.
	_ = ask(path, "down")
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return directory{path: path, lock: lock}.close()
}

// sweep removes directories of clusters that were killed, and what their nodes left in the kernel.
func sweep() error {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), ownPrefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR, 0)
		if err != nil {
			// Of somebody else, or just being made.
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			err = directory{path: path, own: true, lock: lock}.close()
		}
		lock.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
