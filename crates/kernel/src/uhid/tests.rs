//! Offsets and numbers here are written out from `linux/uhid.h` (`offsetof`, `sizeof` of a C compiler on x86-64), not from the code.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

use proptest::prelude::*;

use super::*;

/// A `struct uhid_event` as the kernel would write it.
fn kernel_event(kind: u32, parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut event = vec![0; 4380];
    event[..4].copy_from_slice(&kind.to_ne_bytes());
    for (offset, bytes) in parts {
        event[*offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    event
}

fn output_event(data: &[u8], size: u16, report_type: u8) -> Vec<u8> {
    kernel_event(6, &[(4, data), (4100, &size.to_ne_bytes()), (4102, &[report_type])])
}

#[test]
fn create_has_the_kernel_s_layout() {
    let event = create(&Identity::DOOR);
    assert_eq!(event[..4], 11_u32.to_ne_bytes());
    assert_eq!(event[4..12], *b"Claviger");
    assert!(event[12..132].iter().all(|byte| *byte == 0));
    assert_eq!(event[132..144], *b"claviger/hid");
    assert!(event[144..260].iter().all(|byte| *byte == 0));
    assert_eq!(event[260..262], 34_u16.to_ne_bytes());
    assert_eq!(event[262..264], 3_u16.to_ne_bytes());
    assert_eq!(event[264..268], 0xf1d0_u32.to_ne_bytes());
    assert_eq!(event[268..272], 0xc1a1_u32.to_ne_bytes());
    assert_eq!(event[272..276], 1_u32.to_ne_bytes());
    assert_eq!(event[276..280], 0_u32.to_ne_bytes());
    assert_eq!(event[280..], DESCRIPTOR);
}

#[test]
fn the_descriptor_is_that_of_the_specification() {
    // CTAP 2.1 §11.2.8.2, "Report Descriptor", byte for byte.
    let specified = "06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0";
    let ours = DESCRIPTOR.map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(ours, specified);
}

#[test]
fn long_names_are_cut_between_characters_and_keep_their_last_zero() {
    let long = "é".repeat(100);
    let event = create(&Identity {
        name: &long,
        phys: &long,
        uniq: &long,
        product: 1,
    });
    assert_eq!(event.len(), 280 + DESCRIPTOR.len());
    for (from, size) in [(4, 128), (132, 64), (196, 64)] {
        let text = &event[from..from + size];
        assert_eq!(text[size - 2..], [0, 0], "an odd byte would be half a character");
        assert!(std::str::from_utf8(text).is_ok());
    }
}

#[test]
fn an_input_report_has_the_kernel_s_layout() {
    let event = input(&[0xab; 64]);
    assert_eq!(event[..4], 12_u32.to_ne_bytes());
    assert_eq!(event[4..6], 64_u16.to_ne_bytes());
    assert_eq!(event[6..], [0xab; 64]);
}

#[test]
fn refusals_carry_the_question_s_number_and_an_error() {
    let get = refuse(Question::Get(0x0102_0304));
    assert_eq!(
        get,
        [
            &10_u32.to_ne_bytes()[..],
            &0x0102_0304_u32.to_ne_bytes(),
            &5_u16.to_ne_bytes()
        ]
        .concat()
    );
    let set = refuse(Question::Set(7));
    assert_eq!(
        set,
        [&14_u32.to_ne_bytes()[..], &7_u32.to_ne_bytes(), &5_u16.to_ne_bytes()].concat()
    );
    assert_eq!(DESTROY, 1_u32.to_ne_bytes());
}

#[test]
fn each_event_of_the_kernel_is_read() {
    let question = [(4, &9_u32.to_ne_bytes()[..])];
    for (event, expected) in [
        (kernel_event(2, &[]), UhidEvent::Start),
        (kernel_event(3, &[]), UhidEvent::Stop),
        (kernel_event(4, &[]), UhidEvent::Open),
        (kernel_event(5, &[]), UhidEvent::Close),
        (kernel_event(9, &question), UhidEvent::Asked(Question::Get(9))),
        (kernel_event(13, &question), UhidEvent::Asked(Question::Set(9))),
    ] {
        assert_eq!(UhidEvent::decode(&event), Ok(expected));
        assert_eq!(
            UhidEvent::decode(&event[..8]),
            Ok(expected),
            "a short event continues with zeros"
        );
    }
    // What only programs say to the kernel, legacy kinds, and what does not exist.
    for unknown in [0, 1, 7, 8, 10, 11, 12, 14, 15, u32::MAX] {
        assert_eq!(
            UhidEvent::decode(&kernel_event(unknown, &[])),
            Err(UnknownEvent(unknown))
        );
    }
}

#[test]
fn an_output_event_is_a_report_behind_its_number() {
    let mut data = vec![0];
    data.extend(1..=64);
    let report: Report = data[1..].try_into().unwrap();
    assert_eq!(
        UhidEvent::decode(&output_event(&data, 65, 1)),
        Ok(UhidEvent::Output(report)),
        "report number 0, 64 bytes"
    );
}

#[test]
fn what_is_no_report_of_this_device_is_ignored() {
    let mut numbered = vec![1];
    numbered.extend([0xff; 64]);
    for (data, size, report_type) in [
        (&[0; 65][..], 64, 1),
        (&[0; 65], 66, 1),
        (&[0; 65], 0, 1),
        (&[0; 4096], u16::MAX, 1),
        (&[0; 65], 65, 0),
        (&[0; 65], 65, 2),
        (&numbered, 65, 1),
    ] {
        assert_eq!(
            UhidEvent::decode(&output_event(data, size, report_type)),
            Ok(UhidEvent::Ignored),
            "size {size}, type {report_type}"
        );
    }
}

#[test]
fn a_device_creates_itself_and_passes_reports_both_ways() {
    // A pair of datagram sockets keeps message boundaries as the kernel's device does.
    let (kernel, ours) = UnixDatagram::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let device = Device::create(File::from(OwnedFd::from(ours)), &Identity::VIRTUAL_KEY).unwrap();
    let mut buffer = [0; 8192];
    let length = kernel.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..length], create(&Identity::VIRTUAL_KEY));

    assert_eq!(device.event().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    kernel.send(&kernel_event(4, &[])).unwrap();
    kernel.send(&kernel_event(0x4242, &[])).unwrap();
    kernel.send(&output_event(&[0; 65], 65, 1)).unwrap();
    assert_eq!(device.event().unwrap(), Some(UhidEvent::Open));
    assert_eq!(device.event().unwrap(), None, "an unknown event is no failure");
    assert_eq!(device.event().unwrap(), Some(UhidEvent::Output([0; 64])));

    device.send(&[7; 64]).unwrap();
    let length = kernel.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..length], input(&[7; 64]));
    device.refuse(Question::Set(3)).unwrap();
    let length = kernel.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..length], refuse(Question::Set(3)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..4400)) {
        let _ = UhidEvent::decode(&bytes);
    }

    #[test]
    fn every_report_survives(report in prop::array::uniform32(any::<u8>())) {
        let mut data = [0; 65];
        data[1..33].copy_from_slice(&report);
        let decoded = UhidEvent::decode(&output_event(&data, 65, 1));
        prop_assert_eq!(decoded, Ok(UhidEvent::Output(data[1..].try_into().unwrap())));
    }
}
