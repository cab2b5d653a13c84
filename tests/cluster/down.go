package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
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
	if _, err := os.Stat(filepath.Join(path, "owner")); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	// Without an answer it was killed, is starting or is ending; the locks tell when it has gone.
	_ = ask(path, "down")
	ended := directory{path: path}
	var err error
	if ended.owner, err = openLock(ended.file("owner")); err != nil {
		return err
	}
	for started := time.Now(); !tryLock(ended.owner); {
		if time.Since(started) > patience {
			return fmt.Errorf("the cluster in `%s` does not end: see its logs", path)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return ended.clear()
}

// clear waits for the last processes of a cluster without an owner and removes what it left.
func (d directory) clear() error {
	var err error
	if d.lock, err = openLock(d.file("lock")); err != nil {
		return err
	}
	if err := waitLock(d.lock); err != nil {
		return err
	}
	return d.close()
}

// sweep removes directories of clusters that were killed, and what their nodes left in the kernel.
func sweep() error {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), ownPrefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		killed := directory{path: path, own: true}
		killed.owner, err = os.OpenFile(killed.file("owner"), os.O_RDWR, 0)
		if err != nil {
			// Of somebody else, or just being made.
			continue
		}
		if !tryLock(killed.owner) {
			killed.owner.Close()
			continue
		}
		// Somebody else's sweep may have been here in between.
		if err := killed.clear(); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
