// SPDX-License-Identifier: MIT
// Rust's std: formatting, collections, threads and channels, files, a caught panic.
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::mpsc;

fn main() {
    let mut m = BTreeMap::new();
    for w in "the quick brown fox jumps over the lazy dog the end".split(' ') {
        *m.entry(w).or_insert(0) += 1;
    }
    println!("{:?}", m);
    let (tx, rx) = mpsc::channel();
    let handles: Vec<_> = (0..4u64)
        .map(|i| {
            let tx = tx.clone();
            std::thread::spawn(move || tx.send((0..1000 * i).sum::<u64>()).unwrap())
        })
        .collect();
    for h in handles {
        h.join().unwrap();
    }
    let mut sums: Vec<u64> = rx.try_iter().collect();
    sums.sort();
    println!("{:?}", sums);
    println!("{}", std::fs::read("/no/such/file").unwrap_err());
    std::panic::set_hook(Box::new(|_| {}));
    let r = std::panic::catch_unwind(|| {
        let v: Vec<i32> = Vec::new();
        v[std::env::args().count() + 3]
    });
    println!("panicked: {}", r.is_err());
    std::io::stderr().write_all(b"to stderr\n").unwrap();
    std::process::exit(5);
}
