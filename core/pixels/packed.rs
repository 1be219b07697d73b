//! Unpacking what USB cameras give: Y, U, Y, V, two pixels to four bytes.

use yuv::{
    BufferStoreMut, YuvError, YuvPackedImage, YuvPlanarImageMut, yuyv422_to_yuv420, yuyv422_to_yuv422,
};

use crate::media::{Frame, FrameFormat, PlaneMut, Pool, PoolFull, Pts};

/// An I420 frame of `format` from packed rows that are `stride` bytes apart. `None` when `bytes` does
/// not hold them.
///
/// # Errors
/// [`PoolFull`] when the pool is at its limit.
pub fn from_yuyv(
    bytes: &[u8],
    stride: usize,
    format: FrameFormat,
    pool: &Pool,
) -> Result<Option<Frame>, PoolFull> {
    let (width, height) = (format.size.width(), format.size.height());
    let row = width.next_multiple_of(2) as usize * 2;
    if stride < row || bytes.len() < stride * height as usize {
        return Ok(None);
    }
    let mut frame = Frame::pooled(pool, format, Pts::ZERO, 0)?;
    let mut planes = frame.planes_mut()?;
    // The library halves rows by twos and leaves the last one of an odd picture out. That row's
    // chroma belongs to it alone, which makes it a picture of one row with nothing to halve.
    let even = height - height % 2;
    let packed = |from: u32, height| YuvPackedImage {
        yuy: &bytes[from as usize * stride..][..height as usize * stride],
        yuy_stride: stride as u32,
        width,
        height,
    };
    let mut unpacked = Ok(());
    if even > 0 {
        unpacked =
            unpacked.and(part(&mut planes, width, 0, even, |to| yuyv422_to_yuv420(to, &packed(0, even))));
    }
    if even < height {
        unpacked =
            unpacked.and(part(&mut planes, width, even, 1, |to| yuyv422_to_yuv422(to, &packed(even, 1))));
    }
    drop(planes);
    Ok(unpacked.is_ok().then_some(frame))
}

/// `height` rows of three planes from luma row `from` (even) on, as the library takes them.
fn part(
    planes: &mut [PlaneMut<'_>],
    width: u32,
    from: u32,
    height: u32,
    write: impl FnOnce(&mut YuvPlanarImageMut<'_, u8>) -> Result<(), YuvError>,
) -> Result<(), YuvError> {
    let [y, u, v] = planes else { unreachable!("I420 has three planes") };
    let strides = [&*y, &*u, &*v].map(PlaneMut::stride);
    let cut = |index: usize| match index {
        0 => (from as usize * strides[0], height as usize * strides[0]),
        _ => (from as usize / 2 * strides[index], height.div_ceil(2) as usize * strides[index]),
    };
    let ((y_at, y_len), (u_at, u_len), (v_at, v_len)) = (cut(0), cut(1), cut(2));
    write(&mut YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(&mut y.bytes()[y_at..][..y_len]),
        y_stride: strides[0] as u32,
        u_plane: BufferStoreMut::Borrowed(&mut u.bytes()[u_at..][..u_len]),
        u_stride: strides[1] as u32,
        v_plane: BufferStoreMut::Borrowed(&mut v.bytes()[v_at..][..v_len]),
        v_stride: strides[2] as u32,
        width,
        height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{PixelFormat, Size};

    /// Luma counts up pixel by pixel; chroma is 100 and 200.
    fn packed(width: usize, height: usize, stride: usize) -> Vec<u8> {
        let mut bytes = vec![0; stride * height];
        for y in 0..height {
            for x in 0..width.next_multiple_of(2) {
                bytes[y * stride + x * 2] = (y * width + x) as u8;
                bytes[y * stride + x * 2 + 1] = if x % 2 == 0 { 100 } else { 200 };
            }
        }
        bytes
    }

    #[test]
    fn every_luma_sample_stays_and_chroma_comes_apart() {
        let pool = Pool::new(1 << 20);
        for (width, height, stride) in [(6, 4, 12), (6, 5, 32), (64, 3, 128)] {
            let format = FrameFormat::new(PixelFormat::I420, Size::new(width, height).unwrap());
            let (wide, high) = (width as usize, height as usize);
            let frame = from_yuyv(&packed(wide, high, stride), stride, format, &pool).unwrap().unwrap();
            for (y, row) in frame.plane(0).rows().enumerate() {
                assert!(
                    row.iter().enumerate().all(|(x, luma)| *luma == (y * wide + x) as u8),
                    "{width}x{height} row {y}"
                );
            }
            assert!(frame.plane(1).rows().flatten().all(|u| *u == 100), "{width}x{height}");
            assert!(frame.plane(2).rows().flatten().all(|v| *v == 200), "{width}x{height}");
        }
    }

    #[test]
    fn too_few_bytes_make_no_frame() {
        let pool = Pool::new(1 << 20);
        let format = FrameFormat::new(PixelFormat::I420, Size::new(6, 4).unwrap());
        assert!(from_yuyv(&[0; 47], 12, format, &pool).unwrap().is_none());
        assert!(from_yuyv(&[0; 96], 10, format, &pool).unwrap().is_none());
    }
}
