//! Made-up documents for benches, the same at each run: about 0.5 % of their blocks are edited, moved or gone.

/// A small generator of repeatable numbers (SplitMix64).
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

/// Changes a few blocks, moves some and takes some out.
fn edit(blocks: &[String], dice: &mut Dice) -> Vec<String> {
    let mut edited = blocks.to_vec();
    let few = blocks.len() / 200 + 3;
    for _ in 0..few {
        let index = dice.roll(edited.len() as u64) as usize;
        edited[index] = edited[index].replacen(['1', '2', '3'], "7", 2);
    }
    for _ in 0..few / 10 + 1 {
        let block = edited.remove(dice.roll(edited.len() as u64) as usize);
        edited.insert(dice.roll(edited.len() as u64) as usize, block);
        edited.remove(dice.roll(edited.len() as u64) as usize);
    }
    edited
}

/// Security group rules in HCL, before and after.
pub fn rules(lines: usize) -> (String, String) {
    let mut dice = Dice(1);
    let blocks: Vec<String> = (0..lines / 13)
        .map(|n| {
            let (a, b, c) = (dice.roll(256), dice.roll(256), dice.roll(10_000_000));
            let port = [22, 80, 443, 5432][dice.roll(4) as usize];
            format!(
                "resource \"aws_security_group_rule\" \"sg_{n}\" {{\n  type = \"ingress\"\n  from_port = {port}\n  \
                 to_port = {port}\n  protocol = \"tcp\"\n  cidr_blocks = [\"10.{a}.{b}.0/24\"]\n  description = \
                 \"rule {c}\"\n  tags = {{\n    Environment = \"production\"\n    ManagedBy = \"terraform\"\n  }}\n}}\n\n"
            )
        })
        .collect();
    (blocks.concat(), edit(&blocks, &mut dice).concat())
}

/// A plan of Terraform in JSON, before and after.
pub fn plan(lines: usize) -> (String, String) {
    let mut dice = Dice(2);
    let state = |dice: &mut Dice| {
        format!(
            "{{\n        \"arn\": \"arn:aws:x:eu-west-1:{:012}:r\",\n        \"tags\": {{\n          \"Owner\": \"t{}\",\n          \
             \"Cost\": \"{}\"\n        }},\n        \"size\": {}\n      }}",
            dice.roll(1 << 40),
            dice.roll(50),
            dice.roll(1000),
            dice.roll(1000)
        )
    };
    let blocks: Vec<String> = (0..lines / 27)
        .map(|n| {
            let (before, after) = (state(&mut dice), state(&mut dice));
            format!(
                "  {{\n    \"address\": \"module.m{}.aws_s3_bucket.r{n}\",\n    \"mode\": \"managed\",\n    \"type\": \
                 \"aws_s3_bucket\",\n    \"change\": {{\n      \"actions\": [\n        \"update\"\n      ],\n      \"before\": \
                 {before},\n      \"after\": {after},\n      \"after_unknown\": {{\n        \"id\": true\n      }}\n    }}\n  }}",
                n % 17
            )
        })
        .collect();
    let wrap = |blocks: &[String]| {
        format!(
            "{{\n\"format_version\": \"1.2\",\n\"resource_changes\": [\n{}\n]\n}}\n",
            blocks.join(",\n")
        )
    };
    (wrap(&blocks), wrap(&edit(&blocks, &mut dice)))
}

/// Pairs that make one engine or another run away.
pub fn pathological() -> Vec<(&'static str, String, String)> {
    let mut dice = Dice(3);
    let mut lines = |count: usize, line: &mut dyn FnMut(usize, &mut Dice) -> String| -> Vec<String> {
        (0..count).map(|n| line(n, &mut dice) + "\n").collect()
    };
    let mut pairs = Vec::new();
    let mut pair = |name, old: &[String], new: &[String]| pairs.push((name, old.concat(), new.concat()));
    let (a, b) = (
        lines(100_000, &mut |n, dice| format!("a{n} {}", dice.roll(1 << 50))),
        lines(100_000, &mut |n, dice| format!("b{n} {}", dice.roll(1 << 50))),
    );
    pair("100k disjoint lines", &a, &b);
    for (name, count, letters) in [
        ("50k lines of a 4-line alphabet", 50_000, 4),
        ("100k lines of a 100-line alphabet", 100_000, 100),
    ] {
        let old = lines(count, &mut |_, dice| format!("line {}", dice.roll(letters)));
        let new = lines(count, &mut |_, dice| format!("line {}", dice.roll(letters)));
        pair(name, &old, &new);
    }
    let unique = lines(50_000, &mut |n, dice| format!("key{n}: {}", dice.roll(1 << 50)));
    let reversed: Vec<String> = unique.iter().rev().cloned().collect();
    pair("50k reversed", &unique, &reversed);
    let mut shuffled = unique.clone();
    let mut other = Dice(4);
    for index in (1..shuffled.len()).rev() {
        shuffled.swap(index, other.roll(index as u64 + 1) as usize);
    }
    pair("50k shuffled", &unique, &shuffled);
    let every: Vec<String> = a
        .iter()
        .enumerate()
        .map(|(n, line)| {
            if n % 2 == 0 {
                format!("!{line}")
            } else {
                line.clone()
            }
        })
        .collect();
    pair("every second of 100k lines changed", &a, &every);
    let braces = |keep: &dyn Fn(usize) -> bool| -> Vec<String> {
        (0..200_000)
            .map(|n| if keep(n) { "}\n" } else { "{\n" }.to_owned())
            .collect()
    };
    pair(
        "200k braces only",
        &braces(&|n| n % 3 != 0),
        &braces(&|n| (n * 7) % 5 != 0),
    );
    let long = lines(200_000, &mut |n, _| format!("x{n}"));
    let swapped: Vec<String> = long[100_000..].iter().chain(&long[..100_000]).cloned().collect();
    pair("halves of 200k lines swapped", &long, &swapped);
    let same = lines(1_000_000, &mut |n, _| format!("k{n}"));
    pair("1M equal lines", &same, &same);
    pairs
}
