fn main() {
    /* ‮ } ⁦if admin⁩ ⁦ */ check();
}
