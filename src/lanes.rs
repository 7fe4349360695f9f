//! Loops over the components of vectors, eight at a time.
//!
//! The program is built to be small, and then the compiler leaves loops as they are. These go over every component that is imported,
//! so here it is said what the processor is to do at once.

use wide::{f32x8, u32x8};

const LANES: usize = 8;

/// 32-bit floats, little-endian, as a file has them. What is left over at the end is none.
pub fn from_le_bytes(bytes: &[u8]) -> Vec<f32> {
    let whole = bytes.len() / size_of::<f32>() * size_of::<f32>();
    let mut components: Vec<f32> = bytemuck::allocation::pod_collect_to_vec(&bytes[..whole]);
    if cfg!(target_endian = "big") {
        for component in &mut components {
            *component = f32::from_bits(component.to_bits().swap_bytes());
        }
    }
    components
}

/// Writes the components as the network has them; stops at the end of the shorter of both.
pub fn to_be_bytes(components: &[f32], places: &mut [u8]) {
    let (eights, rest) = components.as_chunks::<LANES>();
    let (wide, rest_of_places) =
        places.split_at_mut((eights.len() * LANES * size_of::<f32>()).min(places.len()));
    for (place, eight) in wide.as_chunks_mut::<32>().0.iter_mut().zip(eights) {
        let bits: u32x8 = loaded(eight);
        let bits = if cfg!(target_endian = "big") {
            bits
        } else {
            swapped(bits)
        };
        place.copy_from_slice(bytemuck::bytes_of(&bits));
    }
    for (place, component) in rest_of_places.as_chunks_mut().0.iter_mut().zip(rest) {
        *place = component.to_be_bytes();
    }
}

/// The sum of squares. In eight parts, so not to the last bit what one after the other gives.
pub fn square(components: &[f32]) -> f32 {
    let (eights, rest) = components.as_chunks::<LANES>();
    let sums = eights.iter().fold(f32x8::ZERO, |sums, eight| {
        let eight: f32x8 = loaded(eight);
        sums + eight * eight
    });
    let rest: f32 = rest.iter().map(|component| component * component).sum();
    sums.to_array().iter().sum::<f32>() + rest
}

/// Multiplies each.
pub fn scale(components: &mut [f32], factor: f32) {
    let (eights, rest) = components.as_chunks_mut::<LANES>();
    // Once: eight copies are made one after the other.
    let factors = f32x8::splat(factor);
    for eight in eights {
        let scaled = loaded::<f32x8>(eight) * factors;
        bytemuck::bytes_of_mut(eight).copy_from_slice(bytemuck::bytes_of(&scaled));
    }
    rest.iter_mut().for_each(|component| *component *= factor);
}

/// Whether none is infinite or NaN.
pub fn are_finite(components: &[f32]) -> bool {
    // The only floats that are not 0 after they were multiplied by 0, and one that is stays so in a sum.
    let (eights, rest) = components.as_chunks::<LANES>();
    let zeros = eights.iter().fold(f32x8::ZERO, |sums, eight| {
        sums + loaded::<f32x8>(eight) * f32x8::ZERO
    });
    zeros.to_array().iter().all(|sum| *sum == 0.0) && rest.iter().all(|component| component.is_finite())
}

/// As one load: what takes an array by value copies it one component after the other.
fn loaded<Lanes: bytemuck::AnyBitPattern>(eight: &[f32; LANES]) -> Lanes {
    bytemuck::pod_read_unaligned(bytemuck::bytes_of(eight))
}

fn swapped(bits: u32x8) -> u32x8 {
    let even = u32x8::splat(0x00ff_00ff);
    let halves = ((bits & even) << 8_u32) | ((bits >> 8_u32) & even);
    (halves << 16_u32) | (halves >> 16_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of every length around the number of lanes, so that both loops have a part.
    fn vectors() -> impl Iterator<Item = Vec<f32>> {
        (0..20_u16).map(|length| {
            (0..length)
                .map(|number| (f32::from(number) - 7.25) * 1e3)
                .collect()
        })
    }

    #[test]
    fn bytes_are_the_same_as_one_after_the_other() {
        for vector in vectors() {
            let little: Vec<u8> = vector
                .iter()
                .flat_map(|component| component.to_le_bytes())
                .collect();
            let big: Vec<u8> = vector
                .iter()
                .flat_map(|component| component.to_be_bytes())
                .collect();
            assert_eq!(from_le_bytes(&little), vector);
            assert_eq!(from_le_bytes(&[&little[..], &[1, 2, 3]].concat()), vector);
            let mut places = vec![0; big.len()];
            to_be_bytes(&vector, &mut places);
            assert_eq!(places, big);
        }
    }

    #[test]
    fn products_and_sums_are_those_of_single_components() {
        for vector in vectors() {
            let expected: f64 = vector.iter().map(|component| f64::from(*component).powi(2)).sum();
            assert!((f64::from(square(&vector)) - expected).abs() <= expected * 1e-6);
            let mut scaled = vector.clone();
            scale(&mut scaled, 0.3);
            let expected: Vec<f32> = vector.iter().map(|component| component * 0.3).collect();
            assert_eq!(scaled, expected);
        }
    }

    #[test]
    fn one_component_that_is_not_finite_is_noticed_wherever_it_is() {
        for vector in vectors() {
            assert!(are_finite(&vector));
            for place in 0..vector.len() {
                for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut vector = vector.clone();
                    vector[place] = wrong;
                    assert!(!are_finite(&vector), "{wrong} at {place} of {}", vector.len());
                }
            }
        }
        assert!(are_finite(
            &[f32::MAX, f32::MIN, -0.0, f32::MIN_POSITIVE / 2.0].repeat(5)
        ));
    }
}
