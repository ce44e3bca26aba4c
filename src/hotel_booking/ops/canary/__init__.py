"""A release that is tried on some of the guests before all get it: Flagger does it (decision 0071), and this
package answers what Flagger asks, and shows a person how it goes."""
