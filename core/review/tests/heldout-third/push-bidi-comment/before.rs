fn main() {
    check();
}
