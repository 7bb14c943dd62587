// SPDX-License-Identifier: MIT
// Goroutines, channels, the garbage collector, files and time: what Go's runtime asks of a kernel, with a fixed output.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"time"
)

type item struct {
	Name string
	N    []int
}

func main() {
	results := make(chan int)
	for i := 0; i < 20; i++ {
		go func(n int) {
			s := 0
			for j := 0; j < 1000*n; j++ {
				s += j % 7
			}
			results <- s
		}(i)
	}
	sums := []int{}
	for i := 0; i < 20; i++ {
		sums = append(sums, <-results)
	}
	sort.Ints(sums)
	fmt.Println("sums", sums[0], sums[10], sums[19])
	var keep [][]byte
	for i := 0; i < 200; i++ {
		keep = append(keep[len(keep)/2:], make([]byte, 1<<18))
	}
	runtime.GC()
	fmt.Println("kept", len(keep))
	b, _ := json.Marshal(item{"x", []int{1, 2}})
	fmt.Println(string(b))
	select {
	case <-time.After(5 * time.Millisecond):
		fmt.Println("timer")
	}
	_, err := os.ReadFile("/no/such/file")
	fmt.Println(err)
	func() {
		defer func() { fmt.Println("recovered:", strings.Split(fmt.Sprint(recover()), "\n")[0]) }()
		var p *item
		fmt.Println(p.Name)
	}()
	fmt.Fprintln(os.Stderr, "to stderr")
	os.Exit(3)
}
