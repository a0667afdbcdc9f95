package conformance_test

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the command when the tests are killed.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
