"""The kubelet's double: runs the containers of pods as local processes, in files and a network of their
own."""
