package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const groupsRoot = "/sys/fs/cgroup"

// group is the control group below which the containers of a node are.
func (n network) group() string { return fmt.Sprintf("symbolon-cluster-%d", n.number) }

// makeGroups makes a control group, in the one hierarchy of version 2 or in each of version 1. The
// kubelet wants that of its containers to be there.
func makeGroups(name string) error {
	if _, err := os.Stat(filepath.Join(groupsRoot, "cgroup.controllers")); err == nil {
		return os.MkdirAll(filepath.Join(groupsRoot, name), 0o755)
	}
	hierarchies, err := filepath.Glob(filepath.Join(groupsRoot, "*", "cgroup.procs"))
	if err != nil {
		return err
	}
	for _, file := range hierarchies {
		if err := os.MkdirAll(filepath.Join(filepath.Dir(file), name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// removeGroups removes a control group with all below it, in the one hierarchy of version 2 or in
// each of version 1.
func removeGroups(name string) error {
	inEach, err := filepath.Glob(filepath.Join(groupsRoot, "*", name))
	if err != nil {
		return err
	}
	for _, root := range append(inEach, filepath.Join(groupsRoot, name)) {
		if err := removeGroup(root); err != nil {
			return fmt.Errorf("a control group cannot be removed: %w", err)
		}
	}
	return nil
}

func removeGroup(root string) error {
	var groups []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	// Those below first. Their files go with them.
	for _, group := range slices.Backward(groups) {
		if err := removeEmptyGroup(group); err != nil {
			return err
		}
	}
	return nil
}

// removeEmptyGroup removes one. A process that has just died is counted for a moment still.
func removeEmptyGroup(group string) error {
	for range 100 {
		err := syscall.Rmdir(group)
		if err == nil || errors.Is(err, syscall.ENOENT) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("%s: %w", group, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s: processes are still in it", group)
}
