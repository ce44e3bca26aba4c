// kubelet-streams is the part of the kubelet that `kubectl logs`, `exec`, `attach` and `port-forward` reach by
// way of the API server: the kubelet's own streaming code (SPDY and WebSocket), for containers that are local
// processes. Each has a file RUN/NAMESPACE/POD/CONTAINER.json, written by tests/cluster/kubelet.
//
//	kubelet-streams RUN ADDRESS:PORT CERTIFICATE KEY
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/creack/pty"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	remoteconsts "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/tools/remotecommand"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	crilogs "k8s.io/cri-client/pkg/logs"
	"k8s.io/klog/v2"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
	streaming "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

const (
	idle    = 4 * time.Hour
	created = 30 * time.Second
)

// record is what the kubelet writes of a container.
type record struct {
	PID     int      `json:"pid"`
	Running bool     `json:"running"`
	UID     int      `json:"uid"`
	GID     int      `json:"gid"`
	Cwd     string   `json:"cwd"`
	Env     []string `json:"env"`
	Attach  string   `json:"attach"`
	Address string   `json:"address"`
}

// place is one container's: its record and its log stand beside each other.
type place struct{ folder, container string }

func (p place) read() (record, error) {
	var found record
	text, err := os.ReadFile(filepath.Join(p.folder, p.container+".json"))
	if err != nil {
		return found, fmt.Errorf("container %s is not known here", p.container)
	}
	return found, json.Unmarshal(text, &found)
}

func (p place) running() (record, error) {
	found, err := p.read()
	if err == nil && !found.Running {
		err = fmt.Errorf("container %s is not running", p.container)
	}
	return found, err
}

// ExecInContainer runs a command where the container's process is: its files, its network, its user.
func (p place) ExecInContainer(ctx context.Context, _ string, _ types.UID, _ string, command []string, in io.Reader, out, errs io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	found, err := p.running()
	if err != nil {
		return err
	}
	arguments := []string{
		"--target", strconv.Itoa(found.PID), "--mount", "--net", "--root", "--wdns=" + found.Cwd,
		"--setuid", strconv.Itoa(found.UID), "--setgid", strconv.Itoa(found.GID), "--",
	}
	child := exec.CommandContext(ctx, "/usr/bin/nsenter", append(arguments, command...)...)
	child.Env = found.Env
	if tty {
		return exitOf(onTerminal(child, in, out, resize))
	}
	child.Stdout, child.Stderr = out, errs
	if in != nil {
		// Not child.Stdin: Wait would wait for the client to close it.
		pipe, err := child.StdinPipe()
		if err != nil {
			return err
		}
		go func() { _, _ = io.Copy(pipe, in); _ = pipe.Close() }()
	}
	return exitOf(child.Run())
}

func onTerminal(child *exec.Cmd, in io.Reader, out io.Writer, resize <-chan remotecommand.TerminalSize) error {
	terminal, err := pty.Start(child)
	if err != nil {
		return err
	}
	defer terminal.Close()
	go func() {
		for size := range resize {
			_ = pty.Setsize(terminal, &pty.Winsize{Rows: size.Height, Cols: size.Width})
		}
	}()
	if in != nil {
		go func() { _, _ = io.Copy(terminal, in) }()
	}
	_, _ = io.Copy(out, terminal) // ends when the last process on the terminal does
	return child.Wait()
}

// exitOf tells an exit code as the kubelet does, so that `kubectl exec` ends with the command's own.
func exitOf(err error) error {
	if failed, ok := err.(*exec.ExitError); ok {
		return &utilexec.ExitErrorWrapper{ExitError: failed}
	}
	return err
}

// AttachContainer joins the terminal or pipes of a container with `stdin: true`.
func (p place) AttachContainer(_ context.Context, _ string, _ types.UID, _ string, in io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	found, err := p.read()
	if err != nil {
		return err
	}
	socket, err := net.Dial("unix", found.Attach)
	if err != nil {
		return fmt.Errorf("container %s cannot be attached to: %w", p.container, err)
	}
	defer socket.Close()
	if in != nil {
		go func() { _, _ = io.Copy(socket, in); _ = socket.(*net.UnixConn).CloseWrite() }()
	}
	_, err = io.Copy(out, socket)
	return err
}

// PortForward joins a stream with a port of the pod.
func (p place) PortForward(_ context.Context, _ string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	found, err := p.anyOf()
	if err != nil {
		return err
	}
	socket, err := net.Dial("tcp", net.JoinHostPort(found.Address, strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	defer socket.Close()
	go func() { _, _ = io.Copy(socket, stream); _ = socket.(*net.TCPConn).CloseWrite() }()
	_, err = io.Copy(stream, socket)
	return err
}

func (p place) anyOf() (record, error) {
	names, _ := filepath.Glob(filepath.Join(p.folder, "*.json"))
	for _, name := range names {
		other := place{p.folder, strings.TrimSuffix(filepath.Base(name), ".json")}
		if found, err := other.running(); err == nil {
			return found, nil
		}
	}
	return record{}, fmt.Errorf("no container of the pod is running")
}

// states answers the log reader's only question: does the container still run?
type states struct {
	internalapi.RuntimeService
	of place
}

func (s states) ContainerStatus(context.Context, string, bool) (*runtimeapi.ContainerStatusResponse, error) {
	found, err := s.of.read()
	state := runtimeapi.ContainerState_CONTAINER_EXITED
	if err == nil && found.Running {
		state = runtimeapi.ContainerState_CONTAINER_RUNNING
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{State: state}}, nil
}

// flushed hands each piece on at once: `kubectl logs --follow` waits for the next line.
type flushed struct{ http.ResponseWriter }

func (f flushed) Write(text []byte) (int, error) {
	written, err := f.ResponseWriter.Write(text)
	if flusher, ok := f.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
	return written, err
}

func (p place) logs(answer http.ResponseWriter, request *http.Request) {
	name := p.container + ".log"
	if request.FormValue("previous") == "true" {
		name = p.container + ".previous.log"
	}
	path := filepath.Join(p.folder, name)
	if _, err := os.Stat(path); err != nil {
		http.Error(answer, fmt.Sprintf("container %q has no such log", p.container), http.StatusBadRequest)
		return
	}
	options := crilogs.NewLogOptions(optionsOf(request.Form), time.Now())
	logger := klog.Background()
	writer := flushed{answer}
	if err := crilogs.ReadLogs(request.Context(), &logger, path, p.container, options, states{of: p}, writer, writer); err != nil {
		log.Printf("logs of %s: %v", path, err)
	}
}

func optionsOf(form url.Values) *corev1.PodLogOptions {
	number := func(name string) *int64 {
		if value, err := strconv.ParseInt(form.Get(name), 10, 64); err == nil {
			return &value
		}
		return nil
	}
	options := &corev1.PodLogOptions{
		Follow: form.Get("follow") == "true", Timestamps: form.Get("timestamps") == "true",
		TailLines: number("tailLines"), LimitBytes: number("limitBytes"), SinceSeconds: number("sinceSeconds"),
	}
	if since, err := time.Parse(time.RFC3339, form.Get("sinceTime")); err == nil {
		options.SinceTime = &metav1.Time{Time: since}
	}
	return options
}

func handler(run string) http.HandlerFunc {
	return func(answer http.ResponseWriter, request *http.Request) {
		_ = request.ParseForm()
		parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
		if len(parts) < 3 {
			http.NotFound(answer, request)
			return
		}
		here := place{folder: filepath.Join(run, parts[1], parts[2]), container: parts[len(parts)-1]}
		switch parts[0] {
		case "containerLogs":
			here.logs(answer, request)
		case "exec", "attach":
			options, err := streaming.NewOptions(request)
			if err != nil {
				http.Error(answer, err.Error(), http.StatusBadRequest)
				return
			}
			if parts[0] == "exec" {
				streaming.ServeExec(answer, request, here, parts[2], "", here.container, request.Form["command"], options, idle, created, remoteconsts.SupportedStreamingProtocols)
			} else {
				streaming.ServeAttach(answer, request, here, parts[2], "", here.container, options, idle, created, remoteconsts.SupportedStreamingProtocols)
			}
		case "portForward":
			options, err := portforward.NewV4Options(request)
			if err != nil {
				http.Error(answer, err.Error(), http.StatusBadRequest)
				return
			}
			portforward.ServePortForward(answer, request, here, parts[2], "", options, idle, created, portforward.SupportedProtocols)
		default:
			http.NotFound(answer, request)
		}
	}
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: kubelet-streams RUN ADDRESS:PORT CERTIFICATE KEY")
	}
	log.Fatal(http.ListenAndServeTLS(os.Args[2], os.Args[3], os.Args[4], handler(os.Args[1])))
}
