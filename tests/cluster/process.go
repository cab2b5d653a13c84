package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is a child that writes to a log of its own and never outlives this program.
type process struct {
	name    string
	log     string
	command *exec.Cmd
	// ended is closed when the process has ended and `result` says how.
	ended  chan struct{}
	result error
	// wanted says that the end was asked for. Guarded by the lock of the cluster.
	wanted bool
}

// spawner starts every child from one thread: the signal upon the death of a parent is sent when the
// *thread* that made the child ends, and Go's runtime ends threads as it likes.
var spawner = func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for one := range work {
			one()
		}
	}()
	return work
}()

// startProcess starts this very program again, as `name`.
func startProcess(name, log string, lock *os.File, arguments ...string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startCommand(name, log, lock, exec.Command(program, append([]string{name}, arguments...)...))
}

// startCommand starts a prepared command as a process of the cluster. It keeps the lock of the
// directory open, so that the lock is free only when every process has gone.
func startCommand(name, log string, lock *os.File, command *exec.Cmd) (*process, error) {
	// Appended to: a part that is started again must not hide why it ended before.
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	command.Stdout, command.Stderr = file, file
	command.ExtraFiles = []*os.File{lock}
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	// Ctrl-C reaches `up` alone, which ends the rest in order.
	command.SysProcAttr.Setpgid = true

	started := make(chan error)
	spawner <- func() { started <- command.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s cannot be started: %w", name, err)
	}
	child := &process{name: name, log: log, command: command, ended: make(chan struct{})}
	go func() {
		child.result = command.Wait()
		close(child.ended)
	}()
	return child, nil
}

// kill ends the process and waits for its end. Nothing of a test cluster is worth a slow goodbye.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// failure says that the process ended though it should not have, with the end of its log.
func (p *process) failure() error {
	how := "ended"
	if p.result != nil {
		how = "ended: " + p.result.Error()
	}
	return fmt.Errorf("%s %s\n%s", p.name, how, tail(p.log))
}

const (
	tailLines = 15
	// Some of Kubernetes' log lines are whole objects.
	tailWidth = 400
)

// tail is the end of a log, fit to be shown.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "its log cannot be read: " + err.Error()
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		return "its log is empty: " + path
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	for index, line := range lines {
		if len(line) > tailWidth {
			lines[index] = line[:tailWidth] + "…"
		}
	}
	return fmt.Sprintf("the last lines of %s:\n  %s", path, strings.Join(lines, "\n  "))
}

// patience is how long anything is waited for. It says "never", not "slow": machines that build
// something else at the same time take many times what an idle one does.
const patience = 5 * time.Minute

// waitFor asks `done` until it is true, `p` ends or patience does.
func (p *process) waitFor(what string, done func() bool) error {
	deadline := time.After(patience)
	for !done() {
		select {
		case <-p.ended:
			return p.failure()
		case <-deadline:
			return fmt.Errorf("waited %v in vain for %s\n%s", patience, what, tail(p.log))
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
